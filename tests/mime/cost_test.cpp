// What compose() costs: an attachment is not copied on its way into the message.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/heap/heap.hpp"
#include "tests/mime/messages.hpp"

namespace sendconn::mime {
namespace {

TEST(ComposeCost, TakesMemoryForTheResultAlone) {
  constexpr std::size_t size = 25'000'000;
  Message message = small_message();
  message.attachments.push_back({std::string(size, '\xa5'), "large.bin", "", ""});
  ComposeOptions options = fixed_options();
  options.max_octets = 0;
  const long before = test::heap_octets();
  test::begin_heap_peak();
  auto composed = compose(message, options);
  ASSERT_TRUE(composed.ok());
  const long used = test::heap_peak_octets() - before;
  EXPECT_GT(composed->octets.size(), size / 3 * 4);
  EXPECT_LT(used, static_cast<long>(composed->octets.size() + 100'000));
}

TEST(ComposeCost, CopiesTextOnce) {
  Message message = small_message();
  for (int i = 0; i < 200'000; ++i) message.text += "Ein Satz mit Umlauten: Grüße.\n";
  const long before = test::heap_octets();
  test::begin_heap_peak();
  auto composed = compose(message, fixed_options());
  ASSERT_TRUE(composed.ok());
  const long used = test::heap_peak_octets() - before;
  EXPECT_LT(used, static_cast<long>(3 * composed->octets.size()));
}

}  // namespace
}  // namespace sendconn::mime
