#include "lib/tls/pipe.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace sendconn::tls {

BioMethodPtr Pipe::make_method() {
  // No number from BIO_get_new_index(): there are 127 of them in a process, and nothing looks this one up.
  BioMethodPtr method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sendconn pipe"));
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method.get(), &Pipe::on_read);
  BIO_meth_set_write_ex(method.get(), &Pipe::on_write);
  BIO_meth_set_ctrl(method.get(), &Pipe::on_control);
  return method;
}

BioPtr Pipe::make_bio(const BIO_METHOD& method) {
  BioPtr bio(BIO_new(&method));
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
  return bio;
}

int Pipe::on_read(BIO* bio, char* data, std::size_t size, std::size_t* got) {
  Pipe& self = *static_cast<Pipe*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *got = 0;
  if (self.input_.empty()) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *got = std::min(size, self.input_.size());
  std::memcpy(data, self.input_.data(), *got);
  self.input_.remove_prefix(*got);
  return 1;
}

int Pipe::on_write(BIO* bio, const char* data, std::size_t size, std::size_t* taken) {
  Pipe& self = *static_cast<Pipe*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *taken = 0;
  try {  // no exception may pass through OpenSSL's frames
    self.append(data, size);
  } catch (const std::bad_alloc&) {
    self.lacked_memory_ = true;
    return 0;
  }
  *taken = size;
  return 1;
}

long Pipe::on_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_PENDING:
      return static_cast<long>(static_cast<Pipe*>(BIO_get_data(bio))->input_.size());
    default:
      return 0;
  }
}

void Pipe::check_memory() {
  if (std::exchange(lacked_memory_, false)) throw std::bad_alloc();
}

void Pipe::append(const char* data, std::size_t size) {
  if (sent_ > output_.size() / 2) {
    output_.erase(0, sent_);
    sent_ = 0;
  }
  output_.append(data, size);
}

void Pipe::consumed_output(std::size_t count) {
  sent_ += std::min(count, output_.size() - sent_);
  if (sent_ < output_.size()) return;
  std::string().swap(output_);
  sent_ = 0;
}

}  // namespace sendconn::tls
