// What a loop and its helper for libspf2 say to each other: every frame reads back, and no octets break a reader.
#include "relay/spf2/frames.hpp"

#include <gtest/gtest.h>

namespace sendconn::relay::spf2 {
namespace {

Request answer_request() {
  Request request;
  request.kind = Kind::answer;
  request.id = 300;
  request.question = {"a.example", dns::RecordType::mx};
  request.answer.ttl = std::chrono::seconds(60);
  request.answer.authenticated = true;
  request.answer.records.push_back({*IpAddress::parse("2001:db8::1"), 10, "mx.example"});
  request.answer.records.push_back({*IpAddress::parse("192.0.2.1"), 0, {}});
  return request;
}

Response done_response() {
  Response response;
  response.id = 7;
  response.done = true;
  response.outcome.verdict = spf::Verdict::softfail;
  response.outcome.reason = spf::Reason::matched;
  response.outcome.domain = "a.example";
  response.outcome.explanation = std::string("\0\xff", 2);
  response.questions.push_back({"b.example", dns::RecordType::txt});
  return response;
}

TEST(SpfFrames, ReadBackAsTheyWereWritten) {
  Request start;
  start.id = 1;
  start.client = *IpAddress::parse("192.0.2.1");
  start.helo = "mx.a.example";
  start.mail_from = "joe@a.example";
  start.identity = spf::Identity::helo;
  const auto again = parse_request(format(start));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->client, start.client);
  EXPECT_EQ(again->mail_from, start.mail_from);
  EXPECT_EQ(again->identity, start.identity);

  const Request answer = answer_request();
  const auto read = parse_request(format(answer));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->question, answer.question);
  EXPECT_EQ(read->answer.records, answer.answer.records);
  EXPECT_EQ(read->answer.ttl, answer.answer.ttl);

  const Response done = done_response();
  const auto said = parse_response(format(done));
  ASSERT_TRUE(said);
  EXPECT_TRUE(said->done);
  EXPECT_EQ(said->outcome.verdict, done.outcome.verdict);
  EXPECT_EQ(said->outcome.explanation, done.outcome.explanation);
  EXPECT_EQ(said->questions, done.questions);
}

TEST(SpfFrames, NothingButAWholeRecordIsOne) {
  const std::string request = format(answer_request());
  const std::string response = format(done_response());
  for (std::size_t i = 0; i < request.size(); ++i) EXPECT_FALSE(parse_request(request.substr(0, i))) << i;
  for (std::size_t i = 0; i < response.size(); ++i) EXPECT_FALSE(parse_response(response.substr(0, i))) << i;
  EXPECT_FALSE(parse_request(request + "x"));
  EXPECT_FALSE(parse_response(response + "x"));
  for (std::size_t i = 0; i < response.size(); ++i) {
    std::string changed = response;
    changed[i] = '\xff';
    (void)parse_response(changed);  // whatever it is, it ends
  }
  EXPECT_FALSE(parse_response(std::string(100, '\xff')));
}

TEST(SpfFrames, ALengthHasABound) {
  EXPECT_EQ(frame_octets(make_frame("abc").substr(0, length_octets)), 3U);
  EXPECT_EQ(make_frame(std::string(max_frame_octets, 'x')).size(), max_frame_octets + length_octets);
  EXPECT_EQ(make_frame(std::string(max_frame_octets + 1, 'x')), "");
  EXPECT_FALSE(frame_octets("\xff\xff\xff\xff"));
}

}  // namespace
}  // namespace sendconn::relay::spf2
