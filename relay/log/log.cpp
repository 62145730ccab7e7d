// The sinks are spdlog's; the lines are ours, so that text and JSON hold the same fields.
#include "relay/log/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <mutex>
#include <utility>

#include "relay/log/format.hpp"

namespace sendconn::relay {

struct Log::Sink {
  std::mutex mutex;  // guards the pointer and what it points to: the sinks themselves do not lock
  std::shared_ptr<spdlog::sinks::sink> sink;
  std::uint64_t waiting = 0;  // lines since the last flush: where one fails, the C library drops them
  std::uint64_t lost = 0;     // lines that nobody will read
};

namespace {

// What standard error keeps until the next flush. Our own figure: some hundred lines.
constexpr std::size_t buffer_octets = 64 * 1024;

Result<Level> parse_level(std::string_view text) {
  for (const Level level : {Level::debug, Level::info, Level::warn, Level::error})
    if (text == name_of(level)) return level;
  return Error{Errc::invalid_argument,
               "log level \"" + std::string(text) + "\" is unknown: write debug, info, warn or error"};
}

Result<std::shared_ptr<spdlog::sinks::sink>> open_sink(const std::string& file) {
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (file.empty()) {
      // Standard error is unbuffered by itself: each line would be a write of its own, the greatest single cost of a
      // log.
      std::setvbuf(stderr, nullptr, _IOFBF, buffer_octets);
      sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(file);
    }
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, ""));
    return sink;
  } catch (const spdlog::spdlog_ex& exception) {
    return Error{Errc::io, "cannot open the log file " + file + ": " + exception.what()};
  }
}

/// False if the sink failed. spdlog's loggers catch what its sinks throw; here the sinks are used without a logger, and
/// a full disk must not end the relay.
template <class Action>
bool attempt(const Action& action) {
  try {
    action();
    return true;
  } catch (const spdlog::spdlog_ex&) {
    return false;
  }
}

bool put(spdlog::sinks::sink& sink, const std::string& line) {
  spdlog::details::log_msg message;
  message.payload = spdlog::string_view_t(line.data(), line.size());
  return attempt([&] { sink.log(message); });
}

}  // namespace

Log::Log(Options options, std::unique_ptr<Sink> sink, Level level)
    : options_(std::move(options)), sink_(std::move(sink)), level_(level) {}

Log::~Log() { flush(); }

Result<std::unique_ptr<Log>> Log::open(const Options& options) {
  const auto level = parse_level(options.level);
  if (!level) return level.error();
  auto opened = open_sink(options.file);
  if (!opened) return opened.error();
  auto sink = std::make_unique<Sink>();
  sink->sink = std::move(*opened);
  return std::unique_ptr<Log>(new Log(options, std::move(sink), *level));
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const auto format = options_.json ? format_json : format_text;
  const std::string line = format(std::chrono::system_clock::now(), level, event, fields);
  const std::lock_guard lock(sink_->mutex);
  ++sink_->waiting;
  if (!say_lost() || !put(*sink_->sink, line)) {
    sink_->lost += std::exchange(sink_->waiting, 0);
  } else if (level >= Level::warn) {
    flush_sink();
  }
}

void Log::flush() {
  const std::lock_guard lock(sink_->mutex);
  if (say_lost()) flush_sink();
}

/// False while the disk takes nothing; the lock is held.
bool Log::say_lost() {
  if (sink_->lost == 0) return true;
  const auto format = options_.json ? format_json : format_text;
  // What was written last may have been cut anywhere, so this begins a line.
  const std::string line = "\n" + format(std::chrono::system_clock::now(), Level::error, "log-lost",
                                         {{"lines", sink_->lost}, {"why", "they could not be written"}});
  if (!put(*sink_->sink, line) || !attempt([this] { sink_->sink->flush(); })) return false;
  sink_->lost = 0;
  return true;
}

void Log::flush_sink() {
  const bool written = attempt([this] { sink_->sink->flush(); });
  const std::uint64_t waited = std::exchange(sink_->waiting, 0);
  if (!written) sink_->lost += waited;
}

void Log::reopen() {
  if (options_.file.empty()) return;
  auto opened = open_sink(options_.file);
  if (!opened) {  // the old file goes on: a folder that went away must not cost the lines
    warn("log-reopen-failed", {{"reason", opened.error().text}});
    return;
  }
  const std::lock_guard lock(sink_->mutex);
  flush_sink();
  sink_->sink = std::move(*opened);
}

}  // namespace sendconn::relay
