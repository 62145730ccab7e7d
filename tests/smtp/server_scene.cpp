#include "tests/smtp/server_scene.hpp"

namespace sendconn::smtp::test {

ServerOptions options() {
  ServerOptions out;
  out.hostname = "mx.example";
  out.offer_starttls = true;
  return out;
}

void enter(ServerDriver& driver, Scene scene) {
  if (scene != Scene::clear) driver.session.set_tls();
  if (scene == Scene::plain) driver.session.trust_client();
  driver.feed({});
  if (scene == Scene::plain) driver.feed("HELO client.example\r\n");
  if (scene == Scene::logged_in) driver.feed("EHLO client.example\r\n" + plain_login);
  driver.record = Record{};
}

std::string last_reply(const std::string& output) {
  std::size_t end = output.size();
  while (end >= 2) {
    const std::size_t before = output.rfind("\r\n", end - 3);
    const std::size_t line = before == std::string::npos ? 0 : before + 2;
    if (line == 0 ||
        output[output.rfind("\r\n", line - 3) == std::string::npos ? 3 : output.rfind("\r\n", line - 3) + 5] != '-') {
      return output.substr(line);
    }
    end = line;
  }
  return output;
}

}  // namespace sendconn::smtp::test
