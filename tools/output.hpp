// What the program prints for people: tables, named values and colour. Colour goes to terminals alone. Text from
// outside (replies of servers, addresses) cannot move the cursor: control characters are replaced.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sendconn::tools {

enum class Colour : unsigned char { automatic, always, never };
enum class Style : unsigned char { plain, bold, good, warning, bad };

class Output {
 public:
  explicit Output(Colour colour = Colour::automatic);

  /// The text between the codes of a style, if there is colour.
  [[nodiscard]] std::string styled(Style style, std::string_view text) const;
  /// One line on standard output.
  void line(std::string_view text = {}) const;
  /// "  name   value" for each, the values aligned; those without a value are left out.
  void values(const std::vector<std::pair<std::string, std::string>>& named) const;
  struct Cell {
    std::string text;
    Style style = Style::plain;
    // Both are implicit, so that a row can be written as a list of texts.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Cell(std::string shown, Style in = Style::plain) : text(std::move(shown)), style(in) {}
    Cell(const char* shown) : text(shown) {}  // NOLINT(google-explicit-constructor)
  };
  /// Columns as wide as their longest cell; the heading in bold.
  void table(const std::vector<std::string>& heading, const std::vector<std::vector<Cell>>& rows) const;
  /// "sendconn: text" on standard error.
  void error(std::string_view text) const;

 private:
  bool colour_ = false;
  bool error_colour_ = false;
};

/// Control characters, C1 ones in UTF-8 included, replaced by '?'.
std::string harmless(std::string_view text);

}  // namespace sendconn::tools
