// Log: one line per event, as text for a person or as JSON, with the queue id where there is one.
//
// A line is an event name and fields. Values come from the network, so they are quoted and control characters escaped:
// no value can forge a line. Secrets are never given to it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::relay {

enum class Level : std::uint8_t { debug, info, warn, error };

/// Thread-safe. Lines are buffered for at most a second; warnings and errors are written at once. Lines that a full
/// disk does not take are lost; once it takes lines again, one says how many ("log-lost").
class Log {
 public:
  struct Options {
    bool json = false;
    std::string level = "info";  ///< debug, info, warn or error
    std::string file;            ///< empty: standard error
  };

  /// A field of a line: text, or a number written without quotes in JSON.
  struct Field {
    Field(std::string_view field, std::string_view value) : name(field), text(value) {}
    Field(std::string_view field, const char* value) : name(field), text(value) {}
    Field(std::string_view field, const std::string& value) : name(field), text(value) {}
    Field(std::string_view field, std::uint64_t value) : name(field), number(value), is_number(true) {}
    std::string_view name;
    std::string_view text;
    std::uint64_t number = 0;
    bool is_number = false;
  };

  static Result<std::unique_ptr<Log>> open(const Options& options);
  ~Log();

  [[nodiscard]] bool enabled(Level level) const noexcept { return level >= level_; }
  void write(Level level, std::string_view event, std::initializer_list<Field> fields);
  void debug(std::string_view event, std::initializer_list<Field> fields) { write(Level::debug, event, fields); }
  void info(std::string_view event, std::initializer_list<Field> fields) { write(Level::info, event, fields); }
  void warn(std::string_view event, std::initializer_list<Field> fields) { write(Level::warn, event, fields); }
  void error(std::string_view event, std::initializer_list<Field> fields) { write(Level::error, event, fields); }
  /// Writes what is buffered; called every second and at the end.
  void flush();
  /// Opens the file anew, for log rotation.
  void reopen();

 private:
  struct Sink;
  bool say_lost();
  void flush_sink();
  Log(Options options, std::unique_ptr<Sink> sink, Level level);
  Options options_;
  std::unique_ptr<Sink> sink_;
  Level level_;
};

}  // namespace sendconn::relay
