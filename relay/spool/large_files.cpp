#include "relay/spool/large_files.hpp"

#include <fcntl.h>

#include <utility>

namespace sendconn::relay {
namespace {

// Written out while the message still arrives, so that little is left for the sync at its end. Our own figure.
constexpr std::uint64_t write_out_every = 4ULL * 1024 * 1024;
// Smaller pieces are gathered: a system call for every network packet would cost more than the copy.
constexpr std::size_t gather_octets = 256 * 1024;

class FileWriter final : public ContentWriter {
 public:
  FileWriter(std::shared_ptr<LargeFiles> owner, std::uint64_t file, Descriptor descriptor)
      : owner_(std::move(owner)), file_(file), descriptor_(std::move(descriptor)) {}

  ~FileWriter() override {
    if (descriptor_) owner_->remove(file_);
  }

  Result<void> write(std::string_view octets) override {
    if (!descriptor_) return Error{Errc::wrong_state, "the content is finished"};
    if (failed_) return *failed_;
    gathered_.append(octets);
    if (gathered_.size() < gather_octets) return {};
    return flush();
  }

  Result<std::shared_ptr<const Content>> finish() override {
    if (!descriptor_) return Error{Errc::wrong_state, "the content is finished"};
    if (failed_) return *failed_;
    if (auto flushed = flush(); !flushed) return flushed.error();
    return std::shared_ptr<const Content>(
        std::make_shared<FileContent>(owner_, file_, std::move(descriptor_), size_, false));
  }

 private:
  Result<void> flush() {
    if (auto written = system::write(descriptor_.get(), owner_->path(file_), gathered_, size_); !written) {
      failed_ = written.error();
      return written;
    }
    size_ += gathered_.size();
    gathered_.clear();
    if (size_ - written_out_ >= write_out_every) {
      // A hint only: the sync before the commit is what counts, and reports.
      (void)::sync_file_range(descriptor_.get(), static_cast<off64_t>(written_out_),
                              static_cast<off64_t>(size_ - written_out_), SYNC_FILE_RANGE_WRITE);
      written_out_ = size_;
    }
    return {};
  }

  std::shared_ptr<LargeFiles> owner_;
  std::uint64_t file_;
  Descriptor descriptor_;
  std::string gathered_;
  std::uint64_t size_ = 0;
  std::uint64_t written_out_ = 0;
  std::optional<Error> failed_;
};

}  // namespace

FileContent::FileContent(std::shared_ptr<LargeFiles> owner, std::uint64_t file, Descriptor descriptor,
                         std::uint64_t size, bool kept)
    : owner_(std::move(owner)), file_(file), descriptor_(std::move(descriptor)), size_(size), kept_(kept) {}

FileContent::~FileContent() {
  if (!kept_.load()) owner_->remove(file_);
}

Result<std::string_view> FileContent::read(std::uint64_t offset, std::size_t max, std::string& buffer) const {
  return system::read(descriptor_.get(), owner_->path(file_), offset, max, buffer);
}

const FileContent* file_content(const Content* content) noexcept { return dynamic_cast<const FileContent*>(content); }

LargeFiles::LargeFiles(std::string path, Descriptor folder, bool sync)
    : path_(std::move(path)), folder_(std::move(folder)), sync_(sync) {}

Result<std::shared_ptr<LargeFiles>> LargeFiles::open(const SpoolFolder& folder) {
  auto made = folder.make_folder("large");
  if (!made) return made.error();
  return std::shared_ptr<LargeFiles>(new LargeFiles(folder.file("large"), std::move(*made), folder.sync_wanted()));
}

std::string LargeFiles::path(std::uint64_t file) const { return path_ + '/' + format_queue_id(file); }

Result<std::unique_ptr<ContentWriter>> LargeFiles::create(std::uint64_t file) {
  auto descriptor = system::open(path(file), O_RDWR | O_CREAT | O_EXCL);
  if (!descriptor) return descriptor.error();
  return std::unique_ptr<ContentWriter>(std::make_unique<FileWriter>(shared_from_this(), file, std::move(*descriptor)));
}

Result<std::shared_ptr<const Content>> LargeFiles::read(std::uint64_t file, std::uint64_t size) {
  const std::string name = path(file);
  auto descriptor = system::open(name, O_RDONLY);
  if (!descriptor) return descriptor.error();
  auto found = system::file_size(descriptor->get(), name);
  if (!found) return found.error();
  if (*found != size) {
    return Error{Errc::io, name + " is damaged: it has " + std::to_string(*found) + " octets, its record says " +
                               std::to_string(size)};
  }
  return std::shared_ptr<const Content>(
      std::make_shared<FileContent>(shared_from_this(), file, std::move(*descriptor), size, true));
}

Result<void> LargeFiles::sync(const FileContent& content) {
  if (!sync_) return {};
  if (auto synced = system::sync_data(content.descriptor_.get(), path(content.file_)); !synced) return synced;
  return system::sync_folder(folder_.get(), path_);
}

Result<std::shared_ptr<const Content>> LargeFiles::copy(std::uint64_t file, const Content& content) {
  auto writer = create(file);
  if (!writer) return writer.error();
  std::string buffer;
  for (std::uint64_t at = 0; at < content.size();) {
    auto piece = content.read(at, gather_octets, buffer);
    if (!piece) return piece.error();
    if (piece->empty()) return Error{Errc::invalid_argument, "a content is shorter than its size says"};
    if (auto written = (*writer)->write(*piece); !written) return written.error();
    at += piece->size();
  }
  auto made = (*writer)->finish();
  if (made) file_content(made->get())->keep();
  return made;
}

void LargeFiles::make_durable(std::uint64_t file, std::shared_ptr<const Content> content,
                              std::function<void(Result<std::shared_ptr<const Content>>)> done) {
  worker_.post([this, file, content = std::move(content), done = std::move(done)] {
    auto made = file_content(content.get()) != nullptr ? Result(content) : copy(file, *content);
    if (made) {
      const FileContent& written = *file_content(made->get());
      if (auto synced = sync(written); !synced) {
        written.release();
        made = synced.error();
      }
    }
    done(std::move(made));
  });
}

void LargeFiles::remove(std::uint64_t file) {
  // A file that cannot be removed now is an orphan of the next start.
  worker_.post([name = path(file)] { (void)system::remove(name); });
}

Result<void> LargeFiles::sweep(const std::unordered_set<std::uint64_t>& referred) {
  auto names = system::list(path_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    auto file = parse_queue_id(name);
    if (file && referred.contains(*file)) continue;
    if (auto removed = system::remove(path_ + '/' + name); !removed) return removed;
  }
  return {};
}

}  // namespace sendconn::relay
