// sendconn.h: the C interface of sendconn, and its manual.
//
// What is here: addresses and header sections; DNS answers and resolvers; DKIM keys, signing and verifying; SPF; DMARC;
// a whole message's authentication, and Authentication-Results; proof of domain ownership; rate limits; TLS without
// I/O; SMTP sessions for both sides without I/O, with STARTTLS inside. C99 and C++11 or newer.
//
// THE RULES, for every function
//
// Status. A function that can fail returns a sendconn_status: SENDCONN_OK (0), or why not. A verdict (an SPF fail, a
// bad signature, a refused recipient) is no failure: it is a value. The numbers are pinned for ever, in ranges by part.
//
// Errors. Its last parameter is `sendconn_error **error`: NULL, or where to put the details. *error is overwritten
// without being looked at: with NULL on success, else with an error that the caller frees. Its text is one sentence:
// the fact, what offends, what is required, the section of the RFC. It never holds a secret. There is no "last error".
// Any function may return SENDCONN_ERR_INVALID_ARGUMENT for a NULL that is not allowed, SENDCONN_ERR_NO_MEMORY,
// SENDCONN_ERR_LIMIT_EXCEEDED for a text that no memory could hold, and SENDCONN_ERR_INTERNAL, which is a fault of the
// library; those are not named again below. After SENDCONN_ERR_NO_MEMORY or SENDCONN_ERR_INTERNAL nothing leaks, no
// output is set, and a handle that the function changes is good for sendconn_*_free() alone, unless stated otherwise.
// Nothing is ever thrown through this interface, and nothing ends the process.
//
// Outputs come first and are untouched when the function fails, unless stated otherwise.
//
// Handles. sendconn_*_new() makes one, sendconn_*_free() ends it and takes NULL. A handle is thread-compatible: one
// thread at a time, any thread. Those that say "thread-safe" may be used by several at once; freeing never may.
// Handles given to another handle's functions are borrowed for the call, unless stated otherwise. Accessors return zero
// or NULL for a NULL handle.
//
// Texts go in as pointer and length in octets, in UTF-8 where they are for people; NULL with length 0 is the empty
// text. SENDCONN_NUL as the length stands for "up to the terminating NUL". Texts come out as a pointer into the
// handle's memory and a length, with a NUL behind them that does not count; each place says how long they live. Texts
// that a function makes come out as a sendconn_bytes, which the caller frees.
//
// Structs. Each begins with struct_size: initialize it by its _INIT macro, which makes everything else zero, and zero
// is the default of every option. Later versions append members; the library looks at struct_size, so old programs go
// on working with new libraries. A size that is less than that of the first version is SENDCONN_ERR_STRUCT_SIZE; one
// from the future is taken if what the library does not know is zero, else it is SENDCONN_ERR_UNSUPPORTED. Members
// named reserved must be zero: SENDCONN_ERR_INVALID_ARGUMENT. Texts in a struct are copied by the function that reads
// it.
//
// Yes and no are int32_t: 1 and 0. As an option, anything but 0 is yes.
//
// Time. `now` of sessions and buckets is any monotonic clock in nanoseconds: sendconn_clock_monotonic(), or your own,
// but always the same, from -2^62 to 2^62. `unix_time` is in seconds since 1970; as an option 0 stands for the system's
// clock at the time of the call. Nothing else reads a clock, except functions that block.
//
// Callbacks get their userdata last. They must not call back into the handle they were called from, and must not leave
// by longjmp or pthread_exit. A C++ exception out of a callback becomes SENDCONN_ERR_CALLBACK.
//
// A thread is not cancelled (pthread_cancel) while it is in a function, its callbacks included; what was asked for
// meanwhile happens behind it.
//
// The shared library stays resident: dlclose() does not unload it, since per-thread data of its cryptographic part
// lives until each thread ends. Loading it again gives the same library.
#ifndef SENDCONN_H
#define SENDCONN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SENDCONN_API __attribute__((visibility("default")))
#else
#define SENDCONN_API
#endif

#ifdef __cplusplus
#define SENDCONN_NOEXCEPT noexcept
/// A struct of this header with its size set and everything else zero.
template <class Struct>
inline Struct sendconn_initialized() noexcept {
  Struct value = Struct();
  value.struct_size = sizeof(Struct);
  return value;
}
#define SENDCONN_INIT(type) (sendconn_initialized<type>())
extern "C" {
#else
#define SENDCONN_NOEXCEPT
#define SENDCONN_INIT(type) \
  { .struct_size = sizeof(type) }
#endif

// ── Version and features ───────────────────────────────────────────────────────────────────────────────────────────

#define SENDCONN_VERSION_MAJOR 0
#define SENDCONN_VERSION_MINOR 1
#define SENDCONN_VERSION_PATCH 0
/// One number that grows: 0xMMmmpp.
#define SENDCONN_VERSION_NUMBER 0x000100

/// Of the library that runs, which may be newer than this header: "0.1.0". Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_version(void) SENDCONN_NOEXCEPT;
/// The same as SENDCONN_VERSION_NUMBER has it. Thread-safe.
SENDCONN_API uint32_t sendconn_version_number(void) SENDCONN_NOEXCEPT;
/// Whether the library that runs has the feature of this name; 0 for a name it does not know. Thread-safe. Names:
/// "idn" (U-labels in domain names), "saslprep" (passwords beyond ASCII are normalized), "own-openssl" (OpenSSL is
/// inside the library, rather than shared with the process), and each part that is there: "address", "dns", "dkim",
/// "spf", "dmarc", "authres", "authenticate", "ownership", "limit", "tls", "smtp", "mailer".
SENDCONN_API int32_t sendconn_has_feature(const char* name, size_t name_len) SENDCONN_NOEXCEPT;
/// The features that are there, by index from 0; NULL behind the last. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_feature(size_t index) SENDCONN_NOEXCEPT;

// ── Status ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// SENDCONN_OK or an error. Each part of the library has a hundred numbers of its own for errors that are its alone.
typedef int32_t sendconn_status;

enum {
  SENDCONN_OK = 0,
  // 1 to 99: any part.
  SENDCONN_ERR_INVALID_ARGUMENT = 1,  ///< a value the caller chose is outside the documented range, NULL included
  SENDCONN_ERR_SYNTAX = 2,            ///< the input does not follow its grammar; the error's position says where
  SENDCONN_ERR_LIMIT_EXCEEDED = 3,    ///< a named limit was passed; the text says which one and its value
  SENDCONN_ERR_WRONG_STATE = 4,       ///< the call is not allowed in the handle's present state
  SENDCONN_ERR_NOT_FOUND = 5,         ///< what was asked for does not exist
  SENDCONN_ERR_CONFLICT = 6,          ///< what was to be made exists already, or contradicts what exists
  SENDCONN_ERR_CRYPTO = 7,            ///< the cryptographic library refused the operation
  SENDCONN_ERR_IO = 8,                ///< the operating system refused the operation
  SENDCONN_ERR_UNSUPPORTED = 9,       ///< understood, but not offered by this build or this peer
  SENDCONN_ERR_NO_MEMORY = 20,        ///< the system has no memory left
  SENDCONN_ERR_INTERNAL = 21,         ///< a fault of the library; please report it
  SENDCONN_ERR_STRUCT_SIZE = 22,      ///< struct_size is less than the first version of the struct had
  SENDCONN_ERR_CALLBACK = 23,         ///< a callback failed or threw
  SENDCONN_ERR_CANCELLED = 24,        ///< a callback asked for the end
  // 100 addresses and messages, 200 SPF, 300 DKIM, 400 DMARC, 500 Authentication-Results, 600 ownership, 700 limits,
  // 800 DNS, 900 TLS, 1000 SMTP, 1100 sending; only those that are there have a name.
  SENDCONN_ERR_TLS = 900  ///< the TLS connection failed: handshake, certificate, record, or cut off
};

/// "SENDCONN_ERR_SYNTAX", for logs; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_status_name(sendconn_status status) SENDCONN_NOEXCEPT;

/// Why a function failed. Immutable and thread-safe.
typedef struct sendconn_error sendconn_error;

/// The status that the function returned.
SENDCONN_API sendconn_status sendconn_error_status(const sendconn_error* error) SENDCONN_NOEXCEPT;
/// One sentence, terminated by NUL; the error's. "" for NULL, so that it can be printed without a look.
SENDCONN_API const char* sendconn_error_text(const sendconn_error* error) SENDCONN_NOEXCEPT;
/// Offset in octets of the offending place in the input, or -1.
SENDCONN_API int64_t sendconn_error_position(const sendconn_error* error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_error_free(sendconn_error* error) SENDCONN_NOEXCEPT;

// ── Octets, clocks, randomness ─────────────────────────────────────────────────────────────────────────────────────

/// As a length: the text ends at its NUL.
#define SENDCONN_NUL SIZE_MAX

/// Octets that a function made for the caller. Immutable and thread-safe.
typedef struct sendconn_bytes sendconn_bytes;

/// The octets, with a NUL behind them; valid until the handle is freed. NULL for NULL.
SENDCONN_API const char* sendconn_bytes_data(const sendconn_bytes* bytes) SENDCONN_NOEXCEPT;
/// How many there are, the NUL behind them not counted.
SENDCONN_API size_t sendconn_bytes_size(const sendconn_bytes* bytes) SENDCONN_NOEXCEPT;
/// Overwrites them before it gives them back: they may be a secret.
SENDCONN_API void sendconn_bytes_free(sendconn_bytes* bytes) SENDCONN_NOEXCEPT;

/// Nanoseconds of the system's monotonic clock. Thread-safe.
SENDCONN_API int64_t sendconn_clock_monotonic(void) SENDCONN_NOEXCEPT;
/// Seconds since 1970-01-01 UTC. Thread-safe.
SENDCONN_API int64_t sendconn_clock_unix(void) SENDCONN_NOEXCEPT;

/// `size` octets from a cryptographic random source, 1 to 1,048,576. SENDCONN_ERR_INVALID_ARGUMENT. Thread-safe.
SENDCONN_API sendconn_status sendconn_random(sendconn_bytes** out, size_t size,
                                             sendconn_error** error) SENDCONN_NOEXCEPT;

/// Told what a blocking function does; `text` is one line, valid during the call. Levels are those of syslog: 3 errors,
/// 4 warnings, 6 information, 7 for finding faults. Never called with a secret.
typedef void (*sendconn_log_fn)(int32_t level, const char* text, size_t text_len, void* userdata);

/// Something that a lint has to say about a text. Texts live as long as the list.
typedef struct sendconn_finding {
  size_t struct_size;
  const char* code;  ///< stable, for programs: "key-below-2048-bits"; "" where the part has no codes
  size_t code_len;
  const char* text;  ///< for people: the fact, and what to do
  size_t text_len;
  uint64_t position;  ///< offset in octets of the offending place
  uint64_t length;    ///< of that place; 0: something is missing there
  int32_t severity;   ///< SENDCONN_SEVERITY_*
  uint32_t reserved;
} sendconn_finding;
#define SENDCONN_FINDING_INIT SENDCONN_INIT(sendconn_finding)

enum { SENDCONN_SEVERITY_NOTE = 0, SENDCONN_SEVERITY_WARNING = 1, SENDCONN_SEVERITY_ERROR = 2 };

/// What a lint found, by position. Immutable and thread-safe.
typedef struct sendconn_findings sendconn_findings;
SENDCONN_API size_t sendconn_findings_count(const sendconn_findings* findings) SENDCONN_NOEXCEPT;
/// SENDCONN_ERR_NOT_FOUND behind the last.
SENDCONN_API sendconn_status sendconn_findings_get(sendconn_finding* out, const sendconn_findings* findings,
                                                   size_t index, sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_findings_free(sendconn_findings* findings) SENDCONN_NOEXCEPT;

// ── Addresses (RFC 5321 section 4.1.2, RFC 5890, RFC 6531) ─────────────────────────────────────────────────────────

/// A domain name as the DNS has it: lower case, A-labels, no dot at the end. Takes upper case, one dot at the end, and
/// U-labels in UTF-8. SENDCONN_ERR_SYNTAX with the position. Thread-safe.
SENDCONN_API sendconn_status sendconn_domain_normalize(sendconn_bytes** out, const char* name, size_t name_len,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// The same with U-labels where they are valid: for people. SENDCONN_ERR_SYNTAX with the position. Thread-safe.
SENDCONN_API sendconn_status sendconn_domain_display(sendconn_bytes** out, const char* name, size_t name_len,
                                                     sendconn_error** error) SENDCONN_NOEXCEPT;
/// Whether `name` is `parent` or below it. SENDCONN_ERR_SYNTAX if either is no domain name. Thread-safe.
SENDCONN_API sendconn_status sendconn_domain_is_within(int32_t* out, const char* name, size_t name_len,
                                                       const char* parent, size_t parent_len,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;

/// A mailbox: local part and domain. Immutable and thread-safe.
typedef struct sendconn_address sendconn_address;

/// "local@domain": dot-string or quoted string, UTF-8 allowed; no address literals, no angle brackets.
/// SENDCONN_ERR_SYNTAX with the position.
SENDCONN_API sendconn_status sendconn_address_parse(sendconn_address** out, const char* text, size_t text_len,
                                                    sendconn_error** error) SENDCONN_NOEXCEPT;
/// The address in its normal form, "local@domain"; the handle's.
SENDCONN_API const char* sendconn_address_text(size_t* len, const sendconn_address* address) SENDCONN_NOEXCEPT;
/// Quotes and escapes as written; the handle's. `len` may be NULL.
SENDCONN_API const char* sendconn_address_local(size_t* len, const sendconn_address* address) SENDCONN_NOEXCEPT;
/// Lower case, A-labels; the handle's. `len` may be NULL.
SENDCONN_API const char* sendconn_address_domain(size_t* len, const sendconn_address* address) SENDCONN_NOEXCEPT;
/// The local part is not ASCII, so that it can travel only with SMTPUTF8.
SENDCONN_API int32_t sendconn_address_needs_smtputf8(const sendconn_address* address) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_address_free(sendconn_address* address) SENDCONN_NOEXCEPT;

/// Several mailboxes, in order. Immutable and thread-safe.
typedef struct sendconn_address_list sendconn_address_list;

/// The mailboxes of a field such as From or To: display names, comments, routes and groups understood (RFC 5322
/// sections 3.4 and 4.4). `max_addresses`: 0 is 100. SENDCONN_ERR_SYNTAX with the position,
/// SENDCONN_ERR_LIMIT_EXCEEDED.
SENDCONN_API sendconn_status sendconn_address_list_parse(sendconn_address_list** out, const char* value,
                                                         size_t value_len, size_t max_addresses,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API size_t sendconn_address_list_count(const sendconn_address_list* list) SENDCONN_NOEXCEPT;
/// By index from 0; the list's, not to be freed. NULL behind the last.
SENDCONN_API const sendconn_address* sendconn_address_list_get(const sendconn_address_list* list,
                                                               size_t index) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_address_list_free(sendconn_address_list* list) SENDCONN_NOEXCEPT;

// ── Messages (RFC 5322) ────────────────────────────────────────────────────────────────────────────────────────────

/// A header section, parsed. Holds a copy of its text. Immutable and thread-safe.
typedef struct sendconn_header sendconn_header;

/// One header field; the texts are the header's.
typedef struct sendconn_field {
  size_t struct_size;
  const char* name;
  size_t name_len;
  const char* value;  ///< everything behind the colon, folds included, without the final CRLF
  size_t value_len;
  const char* raw;  ///< the whole field with its final CRLF
  size_t raw_len;
} sendconn_field;
#define SENDCONN_FIELD_INIT SENDCONN_INIT(sendconn_field)

/// `message`: CRLF line ends; what stands behind the first empty line is passed over. SENDCONN_ERR_SYNTAX with the
/// position for a line that is no field, a bare CR or LF, and NUL; SENDCONN_ERR_LIMIT_EXCEEDED above 262,144 octets or
/// 1,000 fields.
SENDCONN_API sendconn_status sendconn_header_parse(sendconn_header** out, const char* message, size_t message_len,
                                                   sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API size_t sendconn_header_count(const sendconn_header* header) SENDCONN_NOEXCEPT;
/// By index from 0, from the top. SENDCONN_ERR_NOT_FOUND behind the last. The struct's texts are not terminated by NUL.
SENDCONN_API sendconn_status sendconn_header_get(sendconn_field* out, const sendconn_header* header, size_t index,
                                                 sendconn_error** error) SENDCONN_NOEXCEPT;
/// The first field of this name (upper and lower case the same) at `from` or behind it, as an index; -1 for none.
SENDCONN_API int64_t sendconn_header_find(const sendconn_header* header, const char* name, size_t name_len,
                                          size_t from) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_header_free(sendconn_header* header) SENDCONN_NOEXCEPT;

/// The value without folds, trimmed (RFC 5322 section 2.2.3). Thread-safe.
SENDCONN_API sendconn_status sendconn_unfold(sendconn_bytes** out, const char* value, size_t value_len,
                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// "Sun, 22 Nov 2026 15:02:50 +0000" (RFC 5322 section 3.3); 0: now. SENDCONN_ERR_INVALID_ARGUMENT before 1970 or
/// behind the year 9999. Thread-safe.
SENDCONN_API sendconn_status sendconn_format_date(sendconn_bytes** out, int64_t unix_time,
                                                  sendconn_error** error) SENDCONN_NOEXCEPT;
/// The text with every bare LF and bare CR made CRLF: files of Unix become what the functions of this header want.
/// Thread-safe.
SENDCONN_API sendconn_status sendconn_to_crlf(sendconn_bytes** out, const char* text, size_t text_len,
                                              sendconn_error** error) SENDCONN_NOEXCEPT;

// ── DNS: questions, answers, resolvers ─────────────────────────────────────────────────────────────────────────────
//
// A check (SPF, DKIM verification, DMARC, ownership, a whole message) asks nobody by itself. Either drive it by hand:
//
//     while (!sendconn_X_done(x)) {
//       sendconn_dns_question question = SENDCONN_DNS_QUESTION_INIT;
//       while (sendconn_X_next_question(&question, x, &error) == SENDCONN_OK && question.type != 0)
//         ... ask somebody; keep name and type ...
//       ... when an answer is there: sendconn_X_answer(x, name, name_len, type, answer, &error) ...
//     }
//
// Questions come without waiting for answers where the RFC lets them run at once; answers may come in any order. Or let
// it block: sendconn_X_run(x, resolver, &error) asks a resolver until the check is done. Questions that were handed out
// before must have been answered by then, else it is SENDCONN_ERR_WRONG_STATE.

/// Types of records, by their numbers in the DNS.
enum {
  SENDCONN_DNS_A = 1,
  SENDCONN_DNS_NS = 2,
  SENDCONN_DNS_CNAME = 5,
  SENDCONN_DNS_PTR = 12,
  SENDCONN_DNS_MX = 15,
  SENDCONN_DNS_TXT = 16,
  SENDCONN_DNS_AAAA = 28,
  SENDCONN_DNS_TLSA = 52
};

/// How a question ended. Only SENDCONN_DNS_NO_ERROR has records; from SENDCONN_DNS_TIMEOUT on, asking again later may
/// help.
enum {
  SENDCONN_DNS_NO_ERROR = 0,
  SENDCONN_DNS_NO_SUCH_NAME = 1,  ///< NXDOMAIN
  SENDCONN_DNS_NO_DATA = 2,       ///< the name exists, this type does not
  SENDCONN_DNS_TIMEOUT = 3,
  SENDCONN_DNS_SERVER_FAILURE = 4,  ///< SERVFAIL, REFUSED or any other failure a server reports
  SENDCONN_DNS_MALFORMED = 5        ///< an answer that cannot be read
};

/// What a check wants to know. `name` is valid until the next call with the same check other than *_done().
typedef struct sendconn_dns_question {
  size_t struct_size;
  const char* name;  ///< A-labels, no dot at the end
  size_t name_len;
  uint16_t type;  ///< SENDCONN_DNS_A and so on; 0: there is no question now
  uint16_t reserved[3];
} sendconn_dns_question;
#define SENDCONN_DNS_QUESTION_INIT SENDCONN_INIT(sendconn_dns_question)

/// What somebody found out. Thread-compatible.
typedef struct sendconn_dns_answer sendconn_dns_answer;

/// One record; the texts are the answer's, valid until it changes.
typedef struct sendconn_dns_record {
  size_t struct_size;
  const char* data;  ///< A, AAAA: 4 or 16 octets in network order; TXT: the strings joined; else the name, lower case
  size_t data_len;
  uint16_t preference;  ///< MX
  uint16_t reserved[3];
} sendconn_dns_record;
#define SENDCONN_DNS_RECORD_INIT SENDCONN_INIT(sendconn_dns_record)

/// An answer with this status (SENDCONN_DNS_*) and no records yet. SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_dns_answer_new(sendconn_dns_answer** out, int32_t status,
                                                     sendconn_error** error) SENDCONN_NOEXCEPT;
/// Sets the status; anything but SENDCONN_DNS_NO_ERROR drops the records. SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_dns_answer_set_status(sendconn_dns_answer* answer, int32_t status,
                                                            sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds a TXT record, its strings joined. This and what follows sets the status to SENDCONN_DNS_NO_ERROR.
SENDCONN_API sendconn_status sendconn_dns_answer_add_text(sendconn_dns_answer* answer, const char* text,
                                                          size_t text_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds an A or AAAA record: `address` is "192.0.2.1" or "2001:db8::1". SENDCONN_ERR_SYNTAX.
SENDCONN_API sendconn_status sendconn_dns_answer_add_address(sendconn_dns_answer* answer, const char* address,
                                                             size_t address_len,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// The same from 4 or 16 octets in network order. SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_dns_answer_add_address_octets(sendconn_dns_answer* answer, const void* octets,
                                                                    size_t octets_len,
                                                                    sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds a PTR, NS or CNAME record; upper case and a dot at the end are put right. As in the DNS, any octets are taken.
SENDCONN_API sendconn_status sendconn_dns_answer_add_name(sendconn_dns_answer* answer, const char* name,
                                                          size_t name_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds an MX record; the name as above.
SENDCONN_API sendconn_status sendconn_dns_answer_add_mx(sendconn_dns_answer* answer, uint16_t preference,
                                                        const char* name, size_t name_len,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// A name that a chain of CNAMEs led through, in order; the last one owns the records.
SENDCONN_API sendconn_status sendconn_dns_answer_add_alias(sendconn_dns_answer* answer, const char* name,
                                                           size_t name_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The smallest TTL on the way, in seconds; 0 at first.
SENDCONN_API void sendconn_dns_answer_set_ttl(sendconn_dns_answer* answer, uint32_t seconds) SENDCONN_NOEXCEPT;
/// The AD bit of a resolver that validates (DNSSEC); 0 at first.
SENDCONN_API void sendconn_dns_answer_set_authenticated(sendconn_dns_answer* answer,
                                                        int32_t authenticated) SENDCONN_NOEXCEPT;
SENDCONN_API int32_t sendconn_dns_answer_status(const sendconn_dns_answer* answer) SENDCONN_NOEXCEPT;
SENDCONN_API uint32_t sendconn_dns_answer_ttl(const sendconn_dns_answer* answer) SENDCONN_NOEXCEPT;
SENDCONN_API int32_t sendconn_dns_answer_authenticated(const sendconn_dns_answer* answer) SENDCONN_NOEXCEPT;
SENDCONN_API size_t sendconn_dns_answer_count(const sendconn_dns_answer* answer) SENDCONN_NOEXCEPT;
/// By index from 0. SENDCONN_ERR_NOT_FOUND behind the last.
SENDCONN_API sendconn_status sendconn_dns_answer_get(sendconn_dns_record* out, const sendconn_dns_answer* answer,
                                                     size_t index, sendconn_error** error) SENDCONN_NOEXCEPT;
/// "no such name", for people; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_dns_status_text(int32_t status) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_dns_answer_free(sendconn_dns_answer* answer) SENDCONN_NOEXCEPT;

/// Who answers questions, for the functions that block. Thread-compatible.
typedef struct sendconn_resolver sendconn_resolver;

/// For sendconn_resolver_new().
typedef struct sendconn_resolver_options {
  size_t struct_size;
  const char* servers;  ///< "192.0.2.1, [2001:db8::1]:53", at most 16; empty: the system's configuration
  size_t servers_len;
  uint32_t timeout_ms;   ///< for the first try of a server, later ones wait longer; 1 to 60,000; 0: 5,000
  uint32_t tries;        ///< 1 to 10, each asks every server; 0: 2
  uint32_t deadline_ms;  ///< for a whole question; 1 to 600,000; 0: 20,000
  int32_t tcp_only;
  uint64_t cache_octets;  ///< answers are kept in so much memory for their TTL; 0: none
} sendconn_resolver_options;
#define SENDCONN_RESOLVER_OPTIONS_INIT SENDCONN_INIT(sendconn_resolver_options)

/// Our own, over the network by c-ares. `options` may be NULL. SENDCONN_ERR_INVALID_ARGUMENT for options out of range,
/// SENDCONN_ERR_IO if it cannot start.
SENDCONN_API sendconn_status sendconn_resolver_new(sendconn_resolver** out, const sendconn_resolver_options* options,
                                                   sendconn_error** error) SENDCONN_NOEXCEPT;
/// Answers from a zone file's text (RFC 1035 section 5) as if it were the whole DNS: for tests and closed networks. Our
/// own directive `$FAIL name TYPE timeout|servfail|malformed` makes a name fail. SENDCONN_ERR_SYNTAX with the position.
SENDCONN_API sendconn_status sendconn_resolver_new_zone(sendconn_resolver** out, const char* zone, size_t zone_len,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// Answers a question of a blocking function: fill `answer`, which is an empty SENDCONN_DNS_NO_DATA, and return
/// SENDCONN_OK. `name` is valid during the call, terminated by NUL. Anything but SENDCONN_OK ends the blocking function
/// with SENDCONN_ERR_CALLBACK, SENDCONN_ERR_CANCELLED with just that; a server that fails is no error but an answer.
/// The callback may use other handles, other resolvers included.
typedef sendconn_status (*sendconn_resolve_fn)(sendconn_dns_answer* answer, const char* name, size_t name_len,
                                               uint16_t type, void* userdata);
/// The caller's own.
SENDCONN_API sendconn_status sendconn_resolver_new_callback(sendconn_resolver** out, sendconn_resolve_fn fn,
                                                            void* userdata, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Has each question and the way it was answered told to `fn`, at level 7; NULL: no more.
SENDCONN_API void sendconn_resolver_set_log(sendconn_resolver* resolver, sendconn_log_fn fn,
                                            void* userdata) SENDCONN_NOEXCEPT;
/// Blocks until the answer is there; a failure of the DNS is an answer. SENDCONN_ERR_INVALID_ARGUMENT for a type that
/// is none of SENDCONN_DNS_*, SENDCONN_ERR_IO, SENDCONN_ERR_CALLBACK, SENDCONN_ERR_CANCELLED.
SENDCONN_API sendconn_status sendconn_resolver_resolve(sendconn_dns_answer** out, sendconn_resolver* resolver,
                                                       const char* name, size_t name_len, uint16_t type,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_resolver_free(sendconn_resolver* resolver) SENDCONN_NOEXCEPT;

// ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A private key for signing. Immutable and thread-safe: any number of threads sign with it at once. A signer keeps
/// what it needs, so that the key may be freed before it.
typedef struct sendconn_key sendconn_key;

enum { SENDCONN_KEY_RSA = 0, SENDCONN_KEY_ED25519 = 1 };

/// A new key. `bits`: of RSA, 1024 to 4096 (RFC 8301 section 3.2), 0 is 2048; ignored for Ed25519.
/// SENDCONN_ERR_INVALID_ARGUMENT, SENDCONN_ERR_CRYPTO.
SENDCONN_API sendconn_status sendconn_key_generate(sendconn_key** out, int32_t type, uint32_t bits,
                                                   sendconn_error** error) SENDCONN_NOEXCEPT;
/// The first key in a PEM text: PKCS#1, or PKCS#8, encrypted or not. `passphrase` may be NULL. Costs about a
/// millisecond, so load it once. SENDCONN_ERR_SYNTAX (no key in it), SENDCONN_ERR_CRYPTO (wrong passphrase, damaged),
/// SENDCONN_ERR_UNSUPPORTED (another type, or a size outside the limits), SENDCONN_ERR_LIMIT_EXCEEDED (above 64 KB).
SENDCONN_API sendconn_status sendconn_key_from_pem(sendconn_key** out, const char* pem, size_t pem_len,
                                                   const char* passphrase, size_t passphrase_len,
                                                   sendconn_error** error) SENDCONN_NOEXCEPT;
/// The same from a file. `path` is terminated by NUL. Besides: SENDCONN_ERR_NOT_FOUND, SENDCONN_ERR_IO.
SENDCONN_API sendconn_status sendconn_key_from_file(sendconn_key** out, const char* path, const char* passphrase,
                                                    size_t passphrase_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// PKCS#8 in PEM, encrypted (PBES2, AES-256) if there is a passphrase. A secret: store it with mode 0600.
SENDCONN_API sendconn_status sendconn_key_to_pem(sendconn_bytes** out, const sendconn_key* key, const char* passphrase,
                                                 size_t passphrase_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// SENDCONN_KEY_RSA or SENDCONN_KEY_ED25519.
SENDCONN_API int32_t sendconn_key_type(const sendconn_key* key) SENDCONN_NOEXCEPT;
/// RSA: of the modulus; Ed25519: 256.
SENDCONN_API uint32_t sendconn_key_bits(const sendconn_key* key) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_key_free(sendconn_key* key) SENDCONN_NOEXCEPT;

// ── DKIM (RFC 6376, RFC 8301, RFC 8463) ────────────────────────────────────────────────────────────────────────────

/// The text of the TXT record to publish at "<selector>._domainkey.<domain>": "v=DKIM1; k=rsa; h=sha256; p=...".
SENDCONN_API sendconn_status sendconn_dkim_key_record(sendconn_bytes** out, const sendconn_key* key,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// The record as a line of a zone file. SENDCONN_ERR_SYNTAX if domain or selector is none.
SENDCONN_API sendconn_status sendconn_dkim_key_zone_line(sendconn_bytes** out, const sendconn_key* key,
                                                         const char* domain, size_t domain_len, const char* selector,
                                                         size_t selector_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// What is wrong with the text of a published key record.
SENDCONN_API sendconn_status sendconn_dkim_key_lint(sendconn_findings** out, const char* record, size_t record_len,
                                                    sendconn_error** error) SENDCONN_NOEXCEPT;

/// How a private key and a published record fit together.
enum {
  SENDCONN_DKIM_KEY_MATCHES = 0,
  SENDCONN_DKIM_KEY_MALFORMED = 1,   ///< the record cannot be read
  SENDCONN_DKIM_KEY_REVOKED = 2,     ///< p= is empty
  SENDCONN_DKIM_KEY_OTHER_TYPE = 3,  ///< k= is not the key's type
  SENDCONN_DKIM_KEY_OTHER_KEY = 4,   ///< a key, but another one
  SENDCONN_DKIM_KEY_UNUSABLE = 5     ///< the right key, but the record forbids SHA-256 or mail
};
/// Would a signature made by `key` verify with this record? `explanation`, one sentence, may be NULL.
SENDCONN_API sendconn_status sendconn_dkim_key_compare(int32_t* match, sendconn_bytes** explanation,
                                                       const sendconn_key* key, const char* record, size_t record_len,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;

enum { SENDCONN_DKIM_RELAXED = 0, SENDCONN_DKIM_SIMPLE = 1 };

/// One signature to be made. The defaults are what a sender should use today.
typedef struct sendconn_dkim_signature {
  size_t struct_size;
  const char* domain;  ///< d=; required
  size_t domain_len;
  const char* selector;  ///< s=; required
  size_t selector_len;
  const sendconn_key* key;  ///< required
  const char* identity;     ///< i=: "local@d" or "@sub.d" within the domain; empty leaves it out
  size_t identity_len;
  int64_t expires_in;    ///< x= so many seconds after the signature; 0: no x=
  uint64_t body_length;  ///< l=, if limit_body: anyone can append to what it covers (RFC 6376 section 8.2)
  int32_t limit_body;
  int32_t header;        ///< canonicalization: SENDCONN_DKIM_RELAXED or SENDCONN_DKIM_SIMPLE
  int32_t body;          ///< the same
  int32_t no_timestamp;  ///< leaves t= out
  int32_t copy_fields;   ///< z=: for finding faults only; it doubles the header
  uint32_t reserved;
} sendconn_dkim_signature;
#define SENDCONN_DKIM_SIGNATURE_INIT SENDCONN_INIT(sendconn_dkim_signature)

/// What all signatures of a message share.
typedef struct sendconn_dkim_signer_options {
  size_t struct_size;
  /// Names of fields, separated by colons, that are signed once more than they occur, so that nobody can add another.
  /// Empty, and the next one too: From, To, Cc, Subject, Date, Reply-To, Message-ID, In-Reply-To, References,
  /// MIME-Version, Content-Type and Content-Transfer-Encoding.
  const char* oversigned;
  size_t oversigned_len;
  /// Signed as often as they occur; a name that ends in '*' is a prefix. Default: Sender, Resent-*, List-*.
  const char* where_present;
  size_t where_present_len;
  int64_t unix_time;           ///< t=; 0: the system's clock
  uint64_t max_header_octets;  ///< 0: 262,144
} sendconn_dkim_signer_options;
#define SENDCONN_DKIM_SIGNER_OPTIONS_INIT SENDCONN_INIT(sendconn_dkim_signer_options)

/// Signs one message that comes in pieces. Memory stays bounded by the header.
typedef struct sendconn_dkim_signer sendconn_dkim_signer;

/// `options` may be NULL. SENDCONN_ERR_INVALID_ARGUMENT for field names that cannot be signed.
SENDCONN_API sendconn_status sendconn_dkim_signer_new(sendconn_dkim_signer** out,
                                                      const sendconn_dkim_signer_options* options,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// One more signature, before the first piece; 1 to 8 are possible. SENDCONN_ERR_SYNTAX (domain, selector),
/// SENDCONN_ERR_INVALID_ARGUMENT, SENDCONN_ERR_WRONG_STATE behind the first piece, SENDCONN_ERR_LIMIT_EXCEEDED.
SENDCONN_API sendconn_status sendconn_dkim_signer_add(sendconn_dkim_signer* signer,
                                                      const sendconn_dkim_signature* signature,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next piece of the message, any size: CRLF line ends, no dot-stuffing. SENDCONN_ERR_SYNTAX (the header section
/// cannot be read), SENDCONN_ERR_LIMIT_EXCEEDED (header), SENDCONN_ERR_INVALID_ARGUMENT (no signature, or one that
/// cannot be made: identity outside the domain, a lifetime that is not positive); after an error the signer is useless.
SENDCONN_API sendconn_status sendconn_dkim_signer_update(sendconn_dkim_signer* signer, const char* piece,
                                                         size_t piece_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The DKIM-Signature fields, each folded and ending in CRLF: put them in front of the message. SENDCONN_ERR_CRYPTO,
/// SENDCONN_ERR_SYNTAX for a header without From, SENDCONN_ERR_WRONG_STATE the second time; else as update().
SENDCONN_API sendconn_status sendconn_dkim_signer_finish(sendconn_bytes** out, sendconn_dkim_signer* signer,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_dkim_signer_free(sendconn_dkim_signer* signer) SENDCONN_NOEXCEPT;

/// All of it in one call, with one signature: the DKIM-Signature field. `options` may be NULL. Errors as above.
/// Thread-safe.
SENDCONN_API sendconn_status sendconn_dkim_sign(sendconn_bytes** out, const char* message, size_t message_len,
                                                const sendconn_dkim_signature* signature,
                                                const sendconn_dkim_signer_options* options,
                                                sendconn_error** error) SENDCONN_NOEXCEPT;

/// What Authentication-Results says of one signature (RFC 8601 section 2.7.1).
enum {
  SENDCONN_DKIM_PASS = 0,
  SENDCONN_DKIM_FAIL = 1,       ///< the message or the signature was changed
  SENDCONN_DKIM_POLICY = 2,     ///< refused by an option
  SENDCONN_DKIM_NEUTRAL = 3,    ///< the field cannot be processed: its form, its version, an unknown algorithm
  SENDCONN_DKIM_TEMPERROR = 4,  ///< the DNS did not say; a later attempt may end otherwise
  SENDCONN_DKIM_PERMERROR = 5   ///< there is no key for it
};
/// "pass"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_dkim_verdict_text(int32_t verdict) SENDCONN_NOEXCEPT;

/// Why, in the order in which a signature is looked at.
enum {
  SENDCONN_DKIM_VERIFIED = 0,
  // the field (RFC 6376 section 6.1.1)
  SENDCONN_DKIM_SYNTAX = 1,
  SENDCONN_DKIM_VERSION = 2,
  SENDCONN_DKIM_MISSING_TAG = 3,
  SENDCONN_DKIM_UNKNOWN_ALGORITHM = 4,
  SENDCONN_DKIM_UNKNOWN_CANONICALIZATION = 5,
  SENDCONN_DKIM_UNKNOWN_QUERY = 6,
  SENDCONN_DKIM_IDENTITY_OUTSIDE_DOMAIN = 7,
  SENDCONN_DKIM_FROM_NOT_SIGNED = 8,
  SENDCONN_DKIM_EXPIRES_BEFORE_SIGNED = 9,
  // an option
  SENDCONN_DKIM_TOO_MANY_SIGNATURES = 10,
  SENDCONN_DKIM_SHA1_REFUSED = 11,
  SENDCONN_DKIM_EXPIRED = 12,
  SENDCONN_DKIM_FROM_FUTURE = 13,
  SENDCONN_DKIM_LENGTH_REFUSED = 14,
  SENDCONN_DKIM_UNSIGNED_CONTENT = 15,
  SENDCONN_DKIM_UNSIGNED_FROM = 16,
  SENDCONN_DKIM_KEY_TOO_SHORT = 17,
  SENDCONN_DKIM_KEY_TOO_LONG = 18,
  // the key (RFC 6376 section 6.1.2)
  SENDCONN_DKIM_KEY_UNAVAILABLE = 19,
  SENDCONN_DKIM_NO_KEY = 20,
  SENDCONN_DKIM_KEY_SYNTAX = 21,
  SENDCONN_DKIM_REVOKED_KEY = 22,
  SENDCONN_DKIM_KEY_TYPE_DIFFERS = 23,
  SENDCONN_DKIM_KEY_FORBIDS_HASH = 24,
  SENDCONN_DKIM_KEY_NOT_FOR_MAIL = 25,
  SENDCONN_DKIM_KEY_FORBIDS_SUBNAME = 26,
  SENDCONN_DKIM_UNUSABLE_KEY = 27,
  // the message (RFC 6376 section 6.1.3)
  SENDCONN_DKIM_LENGTH_BEYOND_BODY = 28,
  SENDCONN_DKIM_BODY_DIFFERS = 29,
  SENDCONN_DKIM_SIGNATURE_DIFFERS = 30
};
/// A few words: "body hash did not verify"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_dkim_reason_text(int32_t reason) SENDCONN_NOEXCEPT;

/// What l= may leave open (RFC 6376 section 8.2).
enum {
  SENDCONN_DKIM_LENGTH_ACCEPT = 0,                   ///< and tell by unsigned_octets
  SENDCONN_DKIM_LENGTH_REFUSE_UNSIGNED_CONTENT = 1,  ///< refuse where the body goes on behind l=
  SENDCONN_DKIM_LENGTH_REFUSE = 2                    ///< refuse any l=
};

/// What is accepted. All zero is what the RFCs ask for.
typedef struct sendconn_dkim_verify_options {
  size_t struct_size;
  int64_t unix_time;         ///< when the message was received; 0: the system's clock
  int64_t clock_skew;        ///< seconds that the signer's clock may be off; 0: 300; negative: none
  uint64_t max_signatures;   ///< that are worth a question and a calculation; 0: 10
  uint64_t max_key_records;  ///< of those at one name, so many are tried; 0: 4
  uint32_t min_rsa_bits;     ///< 0: 1024 (RFC 8301 section 3.2)
  uint32_t max_rsa_bits;     ///< 0: 4096; 8192 at most
  int32_t legacy;            ///< for mail from before 2018: SHA-1, RSA keys from 384 bits, drafts before RFC 4871
  int32_t allow_sha1;        ///< RFC 8301 section 3.1: MUST NOT
  int32_t body_length;       ///< SENDCONN_DKIM_LENGTH_*
  int32_t accept_expired;    ///< x= in the past is no reason to refuse
  int32_t refuse_future;     ///< t= in the future is one
  int32_t accept_from_not_signed;
  int32_t refuse_unsigned_from;  ///< a From that h= does not cover was added (RFC 6376 section 8.15)
  int32_t allow_drafts;
} sendconn_dkim_verify_options;
#define SENDCONN_DKIM_VERIFY_OPTIONS_INIT SENDCONN_INIT(sendconn_dkim_verify_options)

/// What was found out about one DKIM-Signature field. Texts are the check's, valid until it is freed; they come from
/// strangers.
typedef struct sendconn_dkim_result {
  size_t struct_size;
  const char* explanation;  ///< one line of printable ASCII; empty for a pass
  size_t explanation_len;
  const char* domain;  ///< d=, lower case, A-labels; empty if it could not be read
  size_t domain_len;
  const char* selector;  ///< s=, the same
  size_t selector_len;
  const char* identity;  ///< i=, decoded; "@" and d= if the tag is not there
  size_t identity_len;
  const char* algorithm;  ///< a=
  size_t algorithm_len;
  const char* signature;  ///< b=, base64: RFC 6008 tells signatures apart by its first octets
  size_t signature_len;
  int64_t signed_at;         ///< t=; -1: none
  int64_t expires_at;        ///< x=; -1: none
  uint64_t body_length;      ///< l=, if has_body_length
  uint64_t unsigned_octets;  ///< of the body, behind l=
  int32_t verdict;           ///< SENDCONN_DKIM_PASS and so on
  int32_t reason;            ///< SENDCONN_DKIM_VERIFIED and so on
  int32_t header;            ///< canonicalization
  int32_t body;              ///< canonicalization
  int32_t has_body_length;
  int32_t unsigned_from;      ///< the header has a From field that h= does not cover
  uint32_t key_bits;          ///< of the key that decided it; 0 if there was none
  int32_t testing;            ///< t=y in its record
  int32_t strict;             ///< t=s in its record
  int32_t key_authenticated;  ///< the record came with the AD bit (DNSSEC)
} sendconn_dkim_result;
#define SENDCONN_DKIM_RESULT_INIT SENDCONN_INIT(sendconn_dkim_result)

/// Public keys that stay decoded from message to message, shared by any number of verifiers. Thread-safe.
typedef struct sendconn_dkim_key_cache sendconn_dkim_key_cache;
/// `max_keys`: 0 is 4,096, which may take 30 MB.
SENDCONN_API sendconn_status sendconn_dkim_key_cache_new(sendconn_dkim_key_cache** out, size_t max_keys,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// Verifiers that use it keep it alive.
SENDCONN_API void sendconn_dkim_key_cache_free(sendconn_dkim_key_cache* cache) SENDCONN_NOEXCEPT;

/// Verifies all signatures of one message that comes in pieces.
typedef struct sendconn_dkim_verifier sendconn_dkim_verifier;

/// `options` and `keys` may be NULL. SENDCONN_ERR_INVALID_ARGUMENT for options out of range.
SENDCONN_API sendconn_status sendconn_dkim_verifier_new(sendconn_dkim_verifier** out,
                                                        const sendconn_dkim_verify_options* options,
                                                        sendconn_dkim_key_cache* keys,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next piece of the message, any size: CRLF line ends, no dot-stuffing. SENDCONN_ERR_SYNTAX (the header section
/// cannot be read, so that no two readers would agree on what was signed), SENDCONN_ERR_LIMIT_EXCEEDED; after an error
/// the verifier is useless.
SENDCONN_API sendconn_status sendconn_dkim_verifier_update(sendconn_dkim_verifier* verifier, const char* piece,
                                                           size_t piece_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The message ends here. Errors as update(); SENDCONN_ERR_WRONG_STATE the second time.
SENDCONN_API sendconn_status sendconn_dkim_verifier_finish(sendconn_dkim_verifier* verifier,
                                                           sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next question not yet handed out; there may be some as soon as the header is complete.
SENDCONN_API sendconn_status sendconn_dkim_verifier_next_question(sendconn_dns_question* out,
                                                                  sendconn_dkim_verifier* verifier,
                                                                  sendconn_error** error) SENDCONN_NOEXCEPT;
/// What was not asked, and second answers, are ignored; that is no error.
SENDCONN_API sendconn_status sendconn_dkim_verifier_answer(sendconn_dkim_verifier* verifier, const char* name,
                                                           size_t name_len, uint16_t type,
                                                           const sendconn_dns_answer* answer,
                                                           sendconn_error** error) SENDCONN_NOEXCEPT;
/// The message has ended, and every question that a result needs is answered.
SENDCONN_API int32_t sendconn_dkim_verifier_done(const sendconn_dkim_verifier* verifier) SENDCONN_NOEXCEPT;
/// Blocks until done. SENDCONN_ERR_WRONG_STATE before finish(); else as sendconn_resolver_resolve().
SENDCONN_API sendconn_status sendconn_dkim_verifier_run(sendconn_dkim_verifier* verifier, sendconn_resolver* resolver,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// How many signatures the message has; 0 before it is done.
SENDCONN_API size_t sendconn_dkim_verifier_count(const sendconn_dkim_verifier* verifier) SENDCONN_NOEXCEPT;
/// By index from 0, from the top. SENDCONN_ERR_WRONG_STATE before it is done, SENDCONN_ERR_NOT_FOUND behind the last.
SENDCONN_API sendconn_status sendconn_dkim_verifier_result(sendconn_dkim_result* out,
                                                           const sendconn_dkim_verifier* verifier, size_t index,
                                                           sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_dkim_verifier_free(sendconn_dkim_verifier* verifier) SENDCONN_NOEXCEPT;

// ── SPF (RFC 7208) ─────────────────────────────────────────────────────────────────────────────────────────────────

/// RFC 7208 section 2.6.
enum {
  SENDCONN_SPF_NONE = 0,
  SENDCONN_SPF_NEUTRAL = 1,
  SENDCONN_SPF_PASS = 2,
  SENDCONN_SPF_FAIL = 3,
  SENDCONN_SPF_SOFTFAIL = 4,
  SENDCONN_SPF_TEMPERROR = 5,
  SENDCONN_SPF_PERMERROR = 6
};
/// "softfail"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_spf_verdict_text(int32_t verdict) SENDCONN_NOEXCEPT;

/// Why the verdict is what it is.
enum {
  SENDCONN_SPF_MATCHED = 0,                   ///< a mechanism matched: the last step names it
  SENDCONN_SPF_NO_MATCH = 1,                  ///< the end of the record was reached: neutral (section 4.7)
  SENDCONN_SPF_UNUSABLE_IDENTITY = 2,         ///< none: no domain name in the identity (section 4.3)
  SENDCONN_SPF_NO_RECORD = 3,                 ///< none (section 4.5)
  SENDCONN_SPF_SEVERAL_RECORDS = 4,           ///< permerror (section 4.5)
  SENDCONN_SPF_SYNTAX = 5,                    ///< permerror (section 4.6)
  SENDCONN_SPF_LOOKUP_LIMIT = 6,              ///< permerror (section 4.6.4)
  SENDCONN_SPF_VOID_LOOKUP_LIMIT = 7,         ///< permerror (section 4.6.4)
  SENDCONN_SPF_MX_LIMIT = 8,                  ///< permerror (section 4.6.4)
  SENDCONN_SPF_INCLUDE_WITHOUT_RECORD = 9,    ///< permerror (section 5.2)
  SENDCONN_SPF_REDIRECT_WITHOUT_RECORD = 10,  ///< permerror (section 6.1)
  SENDCONN_SPF_DNS_FAILURE = 11               ///< temperror (sections 4.4 and 5)
};
/// "void-lookup-limit"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_spf_reason_text(int32_t reason) SENDCONN_NOEXCEPT;

/// Whose right to send is checked. A pass of one says nothing about the other: check both, and keep the verdicts apart.
enum { SENDCONN_SPF_MAIL_FROM = 0, SENDCONN_SPF_HELO = 1 };

/// How checks are made.
typedef struct sendconn_spf_options {
  size_t struct_size;
  const char* receiver;  ///< %{r}: the name of the host that checks; empty: "unknown"
  size_t receiver_len;
  const char* default_explanation;  ///< where the domain gives none; literally
  size_t default_explanation_len;
  uint64_t max_explanation_octets;  ///< the rest is cut off; 0: 1000
  uint32_t max_lookups;             ///< terms that ask the DNS (RFC 7208 section 4.6.4); 0: 10
  uint32_t max_void_lookups;        ///< of them, that find nothing (the same); 0: 2
  uint32_t max_mx_names;            ///< for each mx, at most 100; 0: 10
  uint32_t max_ptr_names;           ///< of a client, at most 100; 0: 10
  int32_t no_void_lookups;          ///< not one lookup may find nothing: max_void_lookups is 0
  int32_t void_by_question;         ///< count each question that finds nothing, rather than each term
  int32_t no_explanation;           ///< do not ask for the explanation of a fail: one question less
  int32_t trace;                    ///< keep what happened, for people
} sendconn_spf_options;
#define SENDCONN_SPF_OPTIONS_INIT SENDCONN_INIT(sendconn_spf_options)

/// What is checked.
typedef struct sendconn_spf_request {
  size_t struct_size;
  const char* client;  ///< "192.0.2.1" or "2001:db8::1"; required
  size_t client_len;
  const char* helo;
  size_t helo_len;
  const char* mail_from;  ///< without angle brackets; empty: the null reverse-path, and postmaster@helo is checked
  size_t mail_from_len;
  int64_t unix_time;  ///< %{t} in explanations; 0: the system's clock
  int32_t identity;   ///< SENDCONN_SPF_MAIL_FROM or SENDCONN_SPF_HELO
  uint32_t reserved;
} sendconn_spf_request;
#define SENDCONN_SPF_REQUEST_INIT SENDCONN_INIT(sendconn_spf_request)

/// A verdict with everything that a log, a header field or a person wants to know. Texts are the check's, valid until
/// it is started anew or freed; they come from strangers where records do, and are printable ASCII on one line.
typedef struct sendconn_spf_outcome {
  size_t struct_size;
  const char* text;  ///< one sentence: why
  size_t text_len;
  const char* explanation;  ///< of a fail: what the domain says (a third party's text!), else the default
  size_t explanation_len;
  const char* domain;  ///< whose policy was asked for; empty if the identity has none
  size_t domain_len;
  const char* sender;  ///< "local@domain" as the macros see it
  size_t sender_len;
  const char* matched;  ///< the term that decided, as written; empty if none did
  size_t matched_len;
  size_t steps;        ///< records on the way to the deciding term: sendconn_spf_check_step()
  size_t trace_lines;  ///< sendconn_spf_check_trace(), if asked for
  int64_t ttl;         ///< seconds for which the verdict would be the same
  int32_t verdict;     ///< SENDCONN_SPF_PASS and so on
  int32_t reason;      ///< SENDCONN_SPF_MATCHED and so on
  int32_t identity;    ///< SENDCONN_SPF_MAIL_FROM or SENDCONN_SPF_HELO
  int32_t explained;   ///< `explanation` is the domain's
  uint32_t lookups;
  uint32_t void_lookups;
} sendconn_spf_outcome;
#define SENDCONN_SPF_OUTCOME_INIT SENDCONN_INIT(sendconn_spf_outcome)

/// One record on the way to the deciding term; texts as in the outcome.
typedef struct sendconn_spf_step {
  size_t struct_size;
  const char* domain;  ///< whose record
  size_t domain_len;
  const char* term;  ///< as written; empty if the record's end was reached, or it was not evaluated
  size_t term_len;
  uint64_t position;  ///< of the term in the record's text
} sendconn_spf_step;
#define SENDCONN_SPF_STEP_INIT SENDCONN_INIT(sendconn_spf_step)

/// A check; it may be started again and again and keeps its memory.
typedef struct sendconn_spf_check sendconn_spf_check;

/// `options` may be NULL. SENDCONN_ERR_INVALID_ARGUMENT for options out of range.
SENDCONN_API sendconn_status sendconn_spf_check_new(sendconn_spf_check** out, const sendconn_spf_options* options,
                                                    sendconn_error** error) SENDCONN_NOEXCEPT;
/// Begins anew; what was under way is forgotten. SENDCONN_ERR_SYNTAX if `client` is no IP address,
/// SENDCONN_ERR_INVALID_ARGUMENT. May follow any failure of this check.
SENDCONN_API sendconn_status sendconn_spf_check_start(sendconn_spf_check* check, const sendconn_spf_request* request,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next question not yet handed out. SENDCONN_ERR_WRONG_STATE before start().
SENDCONN_API sendconn_status sendconn_spf_check_next_question(sendconn_dns_question* out, sendconn_spf_check* check,
                                                              sendconn_error** error) SENDCONN_NOEXCEPT;
/// What was not asked, and second answers, are ignored; that is no error. `name` may be the question's own.
SENDCONN_API sendconn_status sendconn_spf_check_answer(sendconn_spf_check* check, const char* name, size_t name_len,
                                                       uint16_t type, const sendconn_dns_answer* answer,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API int32_t sendconn_spf_check_done(const sendconn_spf_check* check) SENDCONN_NOEXCEPT;
/// Blocks until done. Errors as sendconn_resolver_resolve(); SENDCONN_ERR_WRONG_STATE before start().
SENDCONN_API sendconn_status sendconn_spf_check_run(sendconn_spf_check* check, sendconn_resolver* resolver,
                                                    sendconn_error** error) SENDCONN_NOEXCEPT;
/// The verdict alone, without any text; -1 before it is done.
SENDCONN_API int32_t sendconn_spf_check_verdict(const sendconn_spf_check* check) SENDCONN_NOEXCEPT;
/// SENDCONN_ERR_WRONG_STATE before it is done.
SENDCONN_API sendconn_status sendconn_spf_check_outcome(sendconn_spf_outcome* out, sendconn_spf_check* check,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// From the domain's own record through include and redirect, by index from 0; after sendconn_spf_check_outcome().
/// SENDCONN_ERR_NOT_FOUND behind the last, SENDCONN_ERR_WRONG_STATE.
SENDCONN_API sendconn_status sendconn_spf_check_step(sendconn_spf_step* out, const sendconn_spf_check* check,
                                                     size_t index, sendconn_error** error) SENDCONN_NOEXCEPT;
/// A line of the trace, by index from 0; after sendconn_spf_check_outcome(). `depth`: how many includes and redirects
/// deep; it and `len` may be NULL. NULL behind the last.
SENDCONN_API const char* sendconn_spf_check_trace(size_t* len, uint32_t* depth, const sendconn_spf_check* check,
                                                  size_t index) SENDCONN_NOEXCEPT;
/// The field "Received-SPF: ..." with its CRLF (RFC 7208 section 9.1). `receiver`: the host that checked.
/// SENDCONN_ERR_WRONG_STATE before it is done.
SENDCONN_API sendconn_status sendconn_spf_check_received(sendconn_bytes** out, sendconn_spf_check* check,
                                                         const char* receiver, size_t receiver_len,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_spf_check_free(sendconn_spf_check* check) SENDCONN_NOEXCEPT;

/// What is wrong with the text of a record, as far as it alone tells.
SENDCONN_API sendconn_status sendconn_spf_lint(sendconn_findings** out, const char* record, size_t record_len,
                                               sendconn_error** error) SENDCONN_NOEXCEPT;
/// The record with `term` ("include:spf.example.net") in it, in front of "all"; everything else stays as written.
/// SENDCONN_ERR_SYNTAX; SENDCONN_ERR_CONFLICT for a mechanism that stands there with another qualifier. Thread-safe.
SENDCONN_API sendconn_status sendconn_spf_add_term(sendconn_bytes** out, const char* record, size_t record_len,
                                                   const char* term, size_t term_len,
                                                   sendconn_error** error) SENDCONN_NOEXCEPT;
/// The record without `term`, which is compared by its meaning. SENDCONN_ERR_SYNTAX, SENDCONN_ERR_NOT_FOUND.
/// Thread-safe.
SENDCONN_API sendconn_status sendconn_spf_remove_term(sendconn_bytes** out, const char* record, size_t record_len,
                                                      const char* term, size_t term_len,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;

// ── DMARC (RFC 9989) ───────────────────────────────────────────────────────────────────────────────────────────────

/// How an authentication ended, as far as DMARC cares.
enum {
  SENDCONN_DMARC_EVIDENCE_PASS = 0,
  SENDCONN_DMARC_EVIDENCE_FAIL = 1,      ///< everything else that is final
  SENDCONN_DMARC_EVIDENCE_TEMPERROR = 2  ///< it might have passed
};

enum {
  SENDCONN_DMARC_NONE = 0,       ///< no policy applies
  SENDCONN_DMARC_PASS = 1,       ///< an authenticated domain aligns with the author's
  SENDCONN_DMARC_FAIL = 2,       ///< none does: `policy` is what the owner asks for
  SENDCONN_DMARC_TEMPERROR = 3,  ///< what decides is not known (section 5.3.6)
  SENDCONN_DMARC_PERMERROR = 4   ///< there is no author domain to check, or too many
};
/// "temperror"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_dmarc_verdict_text(int32_t verdict) SENDCONN_NOEXCEPT;

enum { SENDCONN_DMARC_POLICY_NONE = 0, SENDCONN_DMARC_POLICY_QUARANTINE = 1, SENDCONN_DMARC_POLICY_REJECT = 2 };
/// "quarantine"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_dmarc_policy_text(int32_t policy) SENDCONN_NOEXCEPT;

/// How an authenticated domain and the author's fit together.
enum {
  SENDCONN_DMARC_ALIGNED_NOT = 0,
  SENDCONN_DMARC_ALIGNED_RELAXED = 1,   ///< the same organizational domain
  SENDCONN_DMARC_ALIGNED_STRICT = 2,    ///< the same domain
  SENDCONN_DMARC_ALIGNED_UNKNOWN = 3,   ///< the DNS did not say
  SENDCONN_DMARC_ALIGNED_UNCHECKED = 4  ///< not needed, or beyond a limit
};

typedef struct sendconn_dmarc_options {
  size_t struct_size;
  uint64_t max_authors;       ///< a message with more is a permanent error; 0: 5
  uint64_t max_walks;         ///< tree walks for a message; 0: 20
  int32_t check_each_author;  ///< several authors are checked each, instead of a permanent error (section 11.5)
  uint32_t reserved;
} sendconn_dmarc_options;
#define SENDCONN_DMARC_OPTIONS_INIT SENDCONN_INIT(sendconn_dmarc_options)

/// What was found out about one author domain. Texts are the check's, valid until it is freed; empty where not known.
typedef struct sendconn_dmarc_outcome {
  size_t struct_size;
  const char* reason;  ///< one sentence for people
  size_t reason_len;
  const char* author;
  size_t author_len;
  const char* organizational_domain;
  size_t organizational_domain_len;
  const char* policy_domain;  ///< whose record counts
  size_t policy_domain_len;
  const char* record;  ///< that record in its normal form
  size_t record_len;
  int32_t verdict;    ///< SENDCONN_DMARC_PASS and so on
  int32_t published;  ///< the policy that the record asks for: SENDCONN_DMARC_POLICY_*
  int32_t policy;     ///< the same, one level weaker if the record is in test mode
  int32_t spf;        ///< SENDCONN_DMARC_ALIGNED_* of the SPF domain, if it passed
  int32_t dkim;       ///< the best of the signatures that passed
  int32_t testing;    ///< t=y
} sendconn_dmarc_outcome;
#define SENDCONN_DMARC_OUTCOME_INIT SENDCONN_INIT(sendconn_dmarc_outcome)

/// A check of what SPF and DKIM found against the policy of the author's domain. Add the facts, then ask.
typedef struct sendconn_dmarc_check sendconn_dmarc_check;

/// `options` may be NULL.
SENDCONN_API sendconn_status sendconn_dmarc_check_new(sendconn_dmarc_check** out, const sendconn_dmarc_options* options,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// A domain of the From field. SENDCONN_ERR_SYNTAX; SENDCONN_ERR_WRONG_STATE once a question was asked for, as with the
/// next two.
SENDCONN_API sendconn_status sendconn_dmarc_check_add_author(sendconn_dmarc_check* check, const char* domain,
                                                             size_t domain_len,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// SPF's result for the domain of MAIL FROM (with a null reverse-path, of HELO): SENDCONN_DMARC_EVIDENCE_*.
SENDCONN_API sendconn_status sendconn_dmarc_check_set_spf(sendconn_dmarc_check* check, int32_t evidence,
                                                          const char* domain, size_t domain_len,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// One signature's result and its d=.
SENDCONN_API sendconn_status sendconn_dmarc_check_add_dkim(sendconn_dmarc_check* check, int32_t evidence,
                                                           const char* domain, size_t domain_len,
                                                           sendconn_error** error) SENDCONN_NOEXCEPT;
/// The facts are complete with the first call. The next question not yet handed out.
SENDCONN_API sendconn_status sendconn_dmarc_check_next_question(sendconn_dns_question* out, sendconn_dmarc_check* check,
                                                                sendconn_error** error) SENDCONN_NOEXCEPT;
/// What was not asked, and second answers, are ignored; that is no error.
SENDCONN_API sendconn_status sendconn_dmarc_check_answer(sendconn_dmarc_check* check, const char* name, size_t name_len,
                                                         uint16_t type, const sendconn_dns_answer* answer,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// 0 before the first question was asked for.
SENDCONN_API int32_t sendconn_dmarc_check_done(const sendconn_dmarc_check* check) SENDCONN_NOEXCEPT;
/// Blocks until done. Errors as sendconn_resolver_resolve().
SENDCONN_API sendconn_status sendconn_dmarc_check_run(sendconn_dmarc_check* check, sendconn_resolver* resolver,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// Of the author that decides. SENDCONN_ERR_WRONG_STATE before it is done.
SENDCONN_API sendconn_status sendconn_dmarc_check_outcome(sendconn_dmarc_outcome* out, sendconn_dmarc_check* check,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_dmarc_check_free(sendconn_dmarc_check* check) SENDCONN_NOEXCEPT;
/// What is wrong, dangerous or useless in a record's text.
SENDCONN_API sendconn_status sendconn_dmarc_lint(sendconn_findings** out, const char* record, size_t record_len,
                                                 sendconn_error** error) SENDCONN_NOEXCEPT;

// ── Authentication-Results (RFC 8601) ──────────────────────────────────────────────────────────────────────────────

/// One field: who says it, and its statements. Thread-compatible.
typedef struct sendconn_authres sendconn_authres;

/// "dkim=pass (2048-bit key) header.d=example.com". When read, texts are the handle's, valid until it changes.
typedef struct sendconn_authres_statement {
  size_t struct_size;
  const char* method;
  size_t method_len;
  const char* result;
  size_t result_len;
  const char* comment;  ///< for people; trust nothing in it
  size_t comment_len;
  const char* reason;  ///< reason="..."
  size_t reason_len;
  size_t properties;  ///< how many; only when read
} sendconn_authres_statement;
#define SENDCONN_AUTHRES_STATEMENT_INIT SENDCONN_INIT(sendconn_authres_statement)

/// "header.d=example.com".
typedef struct sendconn_authres_property {
  size_t struct_size;
  const char* type;  ///< "smtp", "header", "body", "policy" or an extension
  size_t type_len;
  const char* name;
  size_t name_len;
  const char* value;  ///< what is meant, without quoting
  size_t value_len;
} sendconn_authres_property;
#define SENDCONN_AUTHRES_PROPERTY_INIT SENDCONN_INIT(sendconn_authres_property)

/// A field without statements in the name of `id`, the authserv-id.
SENDCONN_API sendconn_status sendconn_authres_new(sendconn_authres** out, const char* id, size_t id_len,
                                                  sendconn_error** error) SENDCONN_NOEXCEPT;
/// Reads a field's value: everything behind the colon. Nothing that is read grants trust: any sender can write such a
/// field, so look at the id. SENDCONN_ERR_SYNTAX with the position, SENDCONN_ERR_LIMIT_EXCEEDED.
SENDCONN_API sendconn_status sendconn_authres_parse(sendconn_authres** out, const char* value, size_t value_len,
                                                    sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds a statement behind the others. SENDCONN_ERR_LIMIT_EXCEEDED above 200.
SENDCONN_API sendconn_status sendconn_authres_add(sendconn_authres* authres,
                                                  const sendconn_authres_statement* statement,
                                                  sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds a property to the last statement. SENDCONN_ERR_WRONG_STATE without one, SENDCONN_ERR_LIMIT_EXCEEDED above 50.
SENDCONN_API sendconn_status sendconn_authres_add_property(sendconn_authres* authres,
                                                           const sendconn_authres_property* property,
                                                           sendconn_error** error) SENDCONN_NOEXCEPT;
/// The authserv-id; the handle's. `len` may be NULL.
SENDCONN_API const char* sendconn_authres_id(size_t* len, const sendconn_authres* authres) SENDCONN_NOEXCEPT;
SENDCONN_API size_t sendconn_authres_count(const sendconn_authres* authres) SENDCONN_NOEXCEPT;
/// By index from 0. SENDCONN_ERR_NOT_FOUND behind the last, also in the next one.
SENDCONN_API sendconn_status sendconn_authres_get(sendconn_authres_statement* out, const sendconn_authres* authres,
                                                  size_t index, sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API sendconn_status sendconn_authres_get_property(sendconn_authres_property* out,
                                                           const sendconn_authres* authres, size_t statement,
                                                           size_t index, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The whole field, "Authentication-Results: ...", folded and with its CRLF. Whatever stands in a value, nothing gets
/// out of it. SENDCONN_ERR_INVALID_ARGUMENT for an id, method, result, type or name that may not stand there.
SENDCONN_API sendconn_status sendconn_authres_format(sendconn_bytes** out, const sendconn_authres* authres,
                                                     sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_authres_free(sendconn_authres* authres) SENDCONN_NOEXCEPT;

/// Removes from a message that comes from outside the Authentication-Results fields that carry one of our own ids (RFC
/// 8601 section 5). Feed the message, or its header section alone, in pieces of any size.
typedef struct sendconn_authres_filter sendconn_authres_filter;

/// `id`: one that only our own servers write. SENDCONN_ERR_INVALID_ARGUMENT for an empty one.
SENDCONN_API sendconn_status sendconn_authres_filter_new(sendconn_authres_filter** out, const char* id, size_t id_len,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// Another one, before the first piece. SENDCONN_ERR_WRONG_STATE behind it.
SENDCONN_API sendconn_status sendconn_authres_filter_add_id(sendconn_authres_filter* filter, const char* id,
                                                            size_t id_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// What of this piece, and of what was held back, may stay; valid until the next call with this filter.
SENDCONN_API sendconn_status sendconn_authres_filter_feed(const char** kept, size_t* kept_len,
                                                          sendconn_authres_filter* filter, const char* piece,
                                                          size_t piece_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The end of the input: what was held back and may stay.
SENDCONN_API sendconn_status sendconn_authres_filter_finish(const char** kept, size_t* kept_len,
                                                            sendconn_authres_filter* filter,
                                                            sendconn_error** error) SENDCONN_NOEXCEPT;
/// How many fields were removed.
SENDCONN_API size_t sendconn_authres_filter_removed(const sendconn_authres_filter* filter) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_authres_filter_free(sendconn_authres_filter* filter) SENDCONN_NOEXCEPT;

// ── A whole message: SPF, DKIM and DMARC ───────────────────────────────────────────────────────────────────────────

/// Who sends, by the connection and its envelope.
typedef struct sendconn_authenticate_options {
  size_t struct_size;
  const char* client;  ///< "192.0.2.1" or "2001:db8::1"; required
  size_t client_len;
  const char* helo;
  size_t helo_len;
  const char* mail_from;  ///< without angle brackets; empty: the null reverse-path
  size_t mail_from_len;
  const sendconn_spf_options* spf;           ///< may be NULL
  const sendconn_dkim_verify_options* dkim;  ///< may be NULL; its unix_time is not looked at
  const sendconn_dmarc_options* dmarc;       ///< may be NULL
  sendconn_dkim_key_cache* keys;             ///< may be NULL
  int64_t unix_time;                         ///< when the message was received; 0: the system's clock
} sendconn_authenticate_options;
#define SENDCONN_AUTHENTICATE_OPTIONS_INIT SENDCONN_INIT(sendconn_authenticate_options)

/// What was found. Texts are the check's, valid until it is freed.
typedef struct sendconn_authenticate_results {
  size_t struct_size;
  const char* problem;  ///< why there is no author, or why it could not be read as a message; else empty
  size_t problem_len;
  size_t signatures;    ///< sendconn_authenticate_dkim()
  size_t authors;       ///< the distinct domains of the From field
  int32_t spf;          ///< SENDCONN_SPF_PASS and so on: of the reverse-path, or of HELO if that is null
  int32_t helo;         ///< the same of HELO alone; -1 with a null reverse-path
  int32_t dkim;         ///< of the best signature: SENDCONN_DKIM_PASS, else the first one's; -1: there is none
  int32_t dmarc;        ///< SENDCONN_DMARC_PASS and so on
  int32_t policy;       ///< with SENDCONN_DMARC_FAIL: SENDCONN_DMARC_POLICY_*
  int32_t null_sender;  ///< the reverse-path is null
} sendconn_authenticate_results;
#define SENDCONN_AUTHENTICATE_RESULTS_INIT SENDCONN_INIT(sendconn_authenticate_results)

/// The check of one message, which may be asked for questions while the message still comes. Nothing that the message
/// holds is an error: a message that cannot be read is a finding.
typedef struct sendconn_authenticate sendconn_authenticate;

/// SENDCONN_ERR_SYNTAX if `client` is no IP address, SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_authenticate_new(sendconn_authenticate** out,
                                                       const sendconn_authenticate_options* options,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next piece of the message, any size: CRLF line ends, no dot-stuffing.
SENDCONN_API sendconn_status sendconn_authenticate_update(sendconn_authenticate* check, const char* piece,
                                                          size_t piece_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The message ends here. A second call does nothing.
SENDCONN_API sendconn_status sendconn_authenticate_finish(sendconn_authenticate* check,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next question not yet handed out.
SENDCONN_API sendconn_status sendconn_authenticate_next_question(sendconn_dns_question* out,
                                                                 sendconn_authenticate* check,
                                                                 sendconn_error** error) SENDCONN_NOEXCEPT;
/// What was not asked, and second answers, are ignored; that is no error.
SENDCONN_API sendconn_status sendconn_authenticate_answer(sendconn_authenticate* check, const char* name,
                                                          size_t name_len, uint16_t type,
                                                          const sendconn_dns_answer* answer,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// Every question that is open or still comes counts as answered with a timeout.
SENDCONN_API sendconn_status sendconn_authenticate_give_up(sendconn_authenticate* check,
                                                           sendconn_error** error) SENDCONN_NOEXCEPT;
/// The message has ended, and every question that the results need is answered.
SENDCONN_API int32_t sendconn_authenticate_done(const sendconn_authenticate* check) SENDCONN_NOEXCEPT;
/// Blocks until done. SENDCONN_ERR_WRONG_STATE before finish(); else as sendconn_resolver_resolve().
SENDCONN_API sendconn_status sendconn_authenticate_run(sendconn_authenticate* check, sendconn_resolver* resolver,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// SENDCONN_ERR_WRONG_STATE before it is done; so do the next four.
SENDCONN_API sendconn_status sendconn_authenticate_get(sendconn_authenticate_results* out,
                                                       const sendconn_authenticate* check,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// SPF in detail; `identity`: SENDCONN_SPF_MAIL_FROM is what `spf` of the results says, SENDCONN_SPF_HELO what `helo`
/// does. `steps` and `trace_lines` are 0. SENDCONN_ERR_NOT_FOUND for HELO with a null reverse-path.
SENDCONN_API sendconn_status sendconn_authenticate_spf(sendconn_spf_outcome* out, const sendconn_authenticate* check,
                                                       int32_t identity, sendconn_error** error) SENDCONN_NOEXCEPT;
/// One signature, by index from 0, from the top. SENDCONN_ERR_NOT_FOUND behind the last.
SENDCONN_API sendconn_status sendconn_authenticate_dkim(sendconn_dkim_result* out, const sendconn_authenticate* check,
                                                        size_t index, sendconn_error** error) SENDCONN_NOEXCEPT;
/// DMARC in detail, of the author that decides.
SENDCONN_API sendconn_status sendconn_authenticate_dmarc(sendconn_dmarc_outcome* out,
                                                         const sendconn_authenticate* check,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// The field "Authentication-Results: ..." with its CRLF, in the name of `id`. SENDCONN_ERR_INVALID_ARGUMENT for an id
/// that is empty or too long.
SENDCONN_API sendconn_status sendconn_authenticate_format(sendconn_bytes** out, const sendconn_authenticate* check,
                                                          const char* id, size_t id_len,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_authenticate_free(sendconn_authenticate* check) SENDCONN_NOEXCEPT;

// ── Ownership of a domain ──────────────────────────────────────────────────────────────────────────────────────────

/// A new token: 160 random bits as 40 hexadecimal digits. One for each account and domain. Thread-safe.
SENDCONN_API sendconn_status sendconn_ownership_token(sendconn_bytes** out, sendconn_error** error) SENDCONN_NOEXCEPT;

/// Whether a domain's owner has published a token, at either of two names.
typedef struct sendconn_ownership_check sendconn_ownership_check;

enum {
  SENDCONN_OWNERSHIP_VERIFIED = 0,
  SENDCONN_OWNERSHIP_MISSING = 1,   ///< no record of ours
  SENDCONN_OWNERSHIP_MISMATCH = 2,  ///< a record that was meant, and is not what is required
  SENDCONN_OWNERSHIP_TEMPERROR = 3  ///< the DNS did not say
};
/// "verified"; "?" for a number that is none. Lives for ever. Thread-safe.
SENDCONN_API const char* sendconn_ownership_verdict_text(int32_t verdict) SENDCONN_NOEXCEPT;

/// Where a record may stand.
enum {
  SENDCONN_OWNERSHIP_RECOMMENDED = 0,  ///< the label, or the apex where the label's name would be too long
  SENDCONN_OWNERSHIP_LABEL = 1,        ///< "_<provider>-challenge.<domain>"  "token=<token>"
  SENDCONN_OWNERSHIP_APEX = 2          ///< "<domain>"  "<provider>-verification=<token>"
};

/// Texts are the check's, valid until it is freed.
typedef struct sendconn_ownership_outcome {
  size_t struct_size;
  const char* where;  ///< the name whose record proved it
  size_t where_len;
  const char* explanation;  ///< one sentence: what was found, what is required
  size_t explanation_len;
  int32_t verdict;  ///< SENDCONN_OWNERSHIP_VERIFIED and so on
  uint32_t reserved;
} sendconn_ownership_outcome;
#define SENDCONN_OWNERSHIP_OUTCOME_INIT SENDCONN_INIT(sendconn_ownership_outcome)

/// `provider`: 1 to 52 lower-case letters, digits and inner hyphens. SENDCONN_ERR_INVALID_ARGUMENT (provider),
/// SENDCONN_ERR_SYNTAX (domain, token).
SENDCONN_API sendconn_status sendconn_ownership_check_new(sendconn_ownership_check** out, const char* provider,
                                                          size_t provider_len, const char* domain, size_t domain_len,
                                                          const char* token, size_t token_len,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// The TXT record to publish at `place` (SENDCONN_OWNERSHIP_RECOMMENDED and so on): its name without a dot at the end,
/// and its text. Either output may be NULL.
SENDCONN_API sendconn_status sendconn_ownership_check_record(sendconn_bytes** name, sendconn_bytes** text,
                                                             const sendconn_ownership_check* check, int32_t place,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next question not yet handed out.
SENDCONN_API sendconn_status sendconn_ownership_check_next_question(sendconn_dns_question* out,
                                                                    sendconn_ownership_check* check,
                                                                    sendconn_error** error) SENDCONN_NOEXCEPT;
/// What was not asked, and second answers, are ignored; that is no error.
SENDCONN_API sendconn_status sendconn_ownership_check_answer(sendconn_ownership_check* check, const char* name,
                                                             size_t name_len, uint16_t type,
                                                             const sendconn_dns_answer* answer,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API int32_t sendconn_ownership_check_done(const sendconn_ownership_check* check) SENDCONN_NOEXCEPT;
/// Blocks until done. Errors as sendconn_resolver_resolve().
SENDCONN_API sendconn_status sendconn_ownership_check_run(sendconn_ownership_check* check, sendconn_resolver* resolver,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// SENDCONN_ERR_WRONG_STATE before it is done.
SENDCONN_API sendconn_status sendconn_ownership_check_outcome(sendconn_ownership_outcome* out,
                                                              const sendconn_ownership_check* check,
                                                              sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_ownership_check_free(sendconn_ownership_check* check) SENDCONN_NOEXCEPT;

// ── Rate limits ────────────────────────────────────────────────────────────────────────────────────────────────────

/// `count` tokens every `period` seconds, at most `burst` at once.
typedef struct sendconn_rate {
  size_t struct_size;
  uint64_t count;   ///< 1 to 1,000,000,000
  uint64_t period;  ///< 1, 60, 3,600 or 86,400 seconds
  uint64_t burst;   ///< 1 to 1,000,000,000; 0: count
} sendconn_rate;
#define SENDCONN_RATE_INIT SENDCONN_INIT(sendconn_rate)

/// "100/min, burst 20" (s, min, h, d). SENDCONN_ERR_SYNTAX with the position, SENDCONN_ERR_LIMIT_EXCEEDED. Thread-safe.
SENDCONN_API sendconn_status sendconn_rate_parse(sendconn_rate* out, const char* text, size_t text_len,
                                                 sendconn_error** error) SENDCONN_NOEXCEPT;

/// A wait that never ends: more tokens are asked for than the burst.
#define SENDCONN_NEVER INT64_MAX

/// A token bucket: over any time t it gives at most burst + rate * t tokens.
typedef struct sendconn_bucket sendconn_bucket;

/// Starts full. SENDCONN_ERR_INVALID_ARGUMENT for a rate out of range.
SENDCONN_API sendconn_status sendconn_bucket_new(sendconn_bucket** out, const sendconn_rate* rate, int64_t now,
                                                 sendconn_error** error) SENDCONN_NOEXCEPT;
/// Takes `tokens` if all are there: 1, else 0.
SENDCONN_API int32_t sendconn_bucket_take(sendconn_bucket* bucket, uint64_t tokens, int64_t now) SENDCONN_NOEXCEPT;
/// Undoes a take; never above the burst.
SENDCONN_API void sendconn_bucket_give_back(sendconn_bucket* bucket, uint64_t tokens) SENDCONN_NOEXCEPT;
SENDCONN_API uint64_t sendconn_bucket_available(const sendconn_bucket* bucket, int64_t now) SENDCONN_NOEXCEPT;
/// Nanoseconds until `tokens` could be taken if nothing else is: 0 for now, SENDCONN_NEVER.
SENDCONN_API int64_t sendconn_bucket_wait(const sendconn_bucket* bucket, uint64_t tokens,
                                          int64_t now) SENDCONN_NOEXCEPT;
/// A changed rate keeps what is used up, as far as the new burst reaches. SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_bucket_set_rate(sendconn_bucket* bucket, const sendconn_rate* rate, int64_t now,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_bucket_free(sendconn_bucket* bucket) SENDCONN_NOEXCEPT;

/// Buckets by key, bounded: for a new key, the bucket that matters least is forgotten. Thread-safe.
typedef struct sendconn_bucket_table sendconn_bucket_table;

/// `max_keys`: 0 is 100,000.
SENDCONN_API sendconn_status sendconn_bucket_table_new(sendconn_bucket_table** out, size_t max_keys,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;

/// What is asked of one bucket.
typedef struct sendconn_bucket_demand {
  size_t struct_size;
  const char* key;
  size_t key_len;
  uint64_t count;  ///< the rate, as in sendconn_rate
  uint64_t period;
  uint64_t burst;
  uint64_t tokens;  ///< 0: 1
} sendconn_bucket_demand;
#define SENDCONN_BUCKET_DEMAND_INIT SENDCONN_INIT(sendconn_bucket_demand)

/// All or nothing over several buckets; a key that is named twice must give the sum. A new key starts with a full
/// bucket. `granted`: 1 or 0. `refused_by` (the index of the demand that waits longest) and `wait` (nanoseconds, or
/// SENDCONN_NEVER) may be NULL. The demands are an array of `count` structs of one struct_size.
/// SENDCONN_ERR_INVALID_ARGUMENT for a rate out of range or more than 64 demands.
SENDCONN_API sendconn_status sendconn_bucket_table_take(int32_t* granted, size_t* refused_by, int64_t* wait,
                                                        sendconn_bucket_table* table,
                                                        const sendconn_bucket_demand* demands, size_t count,
                                                        int64_t now, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Undoes a take that was granted; keys that are gone are skipped. Errors as above.
SENDCONN_API sendconn_status sendconn_bucket_table_give_back(sendconn_bucket_table* table,
                                                             const sendconn_bucket_demand* demands, size_t count,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// Keys held.
SENDCONN_API size_t sendconn_bucket_table_count(const sendconn_bucket_table* table) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_bucket_table_free(sendconn_bucket_table* table) SENDCONN_NOEXCEPT;

// ── TLS without I/O ────────────────────────────────────────────────────────────────────────────────────────────────
//
// SMTP sessions have it inside: give their options a context. The endpoint is for everything else.

enum { SENDCONN_TLS_CLIENT = 0, SENDCONN_TLS_SERVER = 1 };

/// How a client treats the server's certificate.
enum {
  SENDCONN_TLS_VERIFY_REQUIRED = 0,  ///< chain to a trusted authority and name match (RFC 6125)
  SENDCONN_TLS_VERIFY_NONE = 1       ///< opportunistic (RFC 7435): encrypt to whoever answers
};

/// Paths of files; each is read once, when the context is made.
typedef struct sendconn_tls_options {
  size_t struct_size;
  const char* certificate_file;  ///< PEM chain, leaf first; required for a server
  size_t certificate_file_len;
  const char* key_file;  ///< PEM, not encrypted; goes with certificate_file
  size_t key_file_len;
  const char* authorities_file;  ///< PEM; empty: the system's store
  size_t authorities_file_len;
  int32_t role;          ///< SENDCONN_TLS_CLIENT or SENDCONN_TLS_SERVER
  int32_t verify;        ///< SENDCONN_TLS_VERIFY_REQUIRED or SENDCONN_TLS_VERIFY_NONE; clients only
  int32_t only_tls_1_3;  ///< else 1.2 too; nothing older is ever offered (RFC 8996)
  uint32_t reserved;
} sendconn_tls_options;
#define SENDCONN_TLS_OPTIONS_INIT SENDCONN_INIT(sendconn_tls_options)

/// Certificates, keys and settings shared by any number of endpoints and sessions. Immutable and thread-safe; they keep
/// what they need, so that it may be freed before them.
typedef struct sendconn_tls_context sendconn_tls_context;

/// One clear sentence on error: which file, and what is wrong with it. SENDCONN_ERR_INVALID_ARGUMENT, SENDCONN_ERR_IO,
/// SENDCONN_ERR_SYNTAX, SENDCONN_ERR_CRYPTO.
SENDCONN_API sendconn_status sendconn_tls_context_new(sendconn_tls_context** out, const sendconn_tls_options* options,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_tls_context_free(sendconn_tls_context* context) SENDCONN_NOEXCEPT;

/// A self-signed certificate and its key in PEM for `hostname`, valid from a day before `unix_time` (0: now) for `days`
/// (1 to 36,500). The key is a secret. SENDCONN_ERR_INVALID_ARGUMENT, SENDCONN_ERR_CRYPTO. Thread-safe.
SENDCONN_API sendconn_status sendconn_tls_self_signed(sendconn_bytes** certificate, sendconn_bytes** key,
                                                      const char* hostname, size_t hostname_len, uint32_t days,
                                                      int64_t unix_time, sendconn_error** error) SENDCONN_NOEXCEPT;

enum {
  SENDCONN_TLS_HANDSHAKING = 0,
  SENDCONN_TLS_OPEN = 1,
  SENDCONN_TLS_CLOSED = 2,  ///< the peer said close_notify, or close() was called; what still arrives is dropped
  SENDCONN_TLS_FAILED = 3
};

/// One end of one connection.
typedef struct sendconn_tls_endpoint sendconn_tls_endpoint;

/// `server_name`: client only; a name is sent as SNI, and name or IP address are checked against the certificate.
/// SENDCONN_ERR_INVALID_ARGUMENT for a client that verifies and has none.
SENDCONN_API sendconn_status sendconn_tls_endpoint_new(sendconn_tls_endpoint** out, const sendconn_tls_context* context,
                                                       const char* server_name, size_t server_name_len,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// Records from the socket, cut anywhere; all octets are taken. `plain`: the text in them, valid until the next call of
/// feed(). SENDCONN_ERR_TLS: the connection is lost; send output() first, it may hold an alert.
SENDCONN_API sendconn_status sendconn_tls_endpoint_feed(const char** plain, size_t* plain_len,
                                                        sendconn_tls_endpoint* endpoint, const char* records,
                                                        size_t records_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The socket's end of file. SENDCONN_ERR_TLS if the peer had not said close_notify: what came may be cut short.
SENDCONN_API sendconn_status sendconn_tls_endpoint_feed_end(sendconn_tls_endpoint* endpoint,
                                                            sendconn_error** error) SENDCONN_NOEXCEPT;
/// Text to send. SENDCONN_ERR_WRONG_STATE unless open.
SENDCONN_API sendconn_status sendconn_tls_endpoint_write(sendconn_tls_endpoint* endpoint, const char* plain,
                                                         size_t plain_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Ends our side: close_notify goes to output().
SENDCONN_API sendconn_status sendconn_tls_endpoint_close(sendconn_tls_endpoint* endpoint,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// Records to send; valid until the next call with this endpoint.
SENDCONN_API const char* sendconn_tls_endpoint_output(size_t* len,
                                                      const sendconn_tls_endpoint* endpoint) SENDCONN_NOEXCEPT;
/// So many octets of output() were sent; more than there are counts as all.
SENDCONN_API void sendconn_tls_endpoint_consumed_output(sendconn_tls_endpoint* endpoint,
                                                        size_t count) SENDCONN_NOEXCEPT;
/// SENDCONN_TLS_HANDSHAKING and so on.
SENDCONN_API int32_t sendconn_tls_endpoint_state(const sendconn_tls_endpoint* endpoint) SENDCONN_NOEXCEPT;
/// "TLSv1.3", once open; else "". Lives as long as the endpoint.
SENDCONN_API const char* sendconn_tls_endpoint_protocol(const sendconn_tls_endpoint* endpoint) SENDCONN_NOEXCEPT;
/// "TLS_AES_256_GCM_SHA384", once open; else "". Lives as long as the endpoint.
SENDCONN_API const char* sendconn_tls_endpoint_cipher(const sendconn_tls_endpoint* endpoint) SENDCONN_NOEXCEPT;
/// Client: chain and name were checked and are good.
SENDCONN_API int32_t sendconn_tls_endpoint_peer_verified(const sendconn_tls_endpoint* endpoint) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_tls_endpoint_free(sendconn_tls_endpoint* endpoint) SENDCONN_NOEXCEPT;

// ── Passwords (RFC 4616, RFC 5802, RFC 7677) ───────────────────────────────────────────────────────────────────────

/// Bits of mechanisms.
enum { SENDCONN_SASL_PLAIN = 1, SENDCONN_SASL_LOGIN = 2, SENDCONN_SASL_SCRAM_SHA_256 = 4 };

/// What a server stores instead of a password: "SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>".
/// `iterations`: 4,096 to 1,000,000; 0: 4,096. Costs milliseconds. SENDCONN_ERR_INVALID_ARGUMENT. Thread-safe.
SENDCONN_API sendconn_status sendconn_sasl_verifier(sendconn_bytes** out, const char* password, size_t password_len,
                                                    uint32_t iterations, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Whether a verifier was made from this password. Costs milliseconds; compares in constant time. SENDCONN_ERR_SYNTAX
/// for a verifier that is none. Thread-safe.
SENDCONN_API sendconn_status sendconn_sasl_check_password(int32_t* out, const char* verifier, size_t verifier_len,
                                                          const char* password, size_t password_len,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;

// ── SMTP (RFC 5321) ────────────────────────────────────────────────────────────────────────────────────────────────
//
// Sessions without I/O: octets of the socket in, events out; decisions in, octets for the socket out. Server and client
// share the shape (S is sendconn_smtp_server or sendconn_smtp_client):
//
//     wait until the socket can be read, or written if S_output() has something, or S_next_deadline() has come (poll)
//     when the deadline has come:   S_on_time(s, now, &error);
//     when octets came:             keep them behind those that are left
//     when the peer has closed:     S_input_closed(s, &error);
//     do {
//       while (S_next_event(&event, s, &error) == SENDCONN_OK && event.type > SENDCONN_SMTP_PAUSED)
//         act; a decision is answered with sendconn_smtp_server_reply(), now or later; SENDCONN_SMTP_CLOSED ends both
//         loops
//       S_feed(&taken, s, octets, count, now, &error); octets += taken; count -= taken;
//     } while (taken != 0);
//     send S_output(), then S_consumed_output()
//
// A session pauses at every decision: until it is answered, next_event() gives SENDCONN_SMTP_PAUSED and feed() takes
// nothing, so pipelined input is safe. Texts in an event are valid until the next call of feed() or next_event(); those
// of a decision until it is answered; the text of SENDCONN_SMTP_CONTENT lies in what was fed. Where the input is cut
// changes nothing but where CONTENT is cut.
//
// TLS. With a context in its options a session does all of it: feed() takes what the socket gave, output() is what the
// socket gets, and STARTTLS happens inside. When feed() returns SENDCONN_ERR_TLS, the connection is lost: send
// output(), which may hold an alert, and go on with next_event(), which tells the end. Without a context the server
// offers no TLS and the client uses none, unless own_tls is set: then SENDCONN_SMTP_START_TLS is an event; send
// output(), make the handshake by your own means, pass plain text from then on, and call S_tls_started().

enum {
  // both sides
  SENDCONN_SMTP_NEED_INPUT = 0,  ///< everything fed was used; feed more
  SENDCONN_SMTP_PAUSED = 1,      ///< server: a decision is open. Both: START_TLS was not answered yet
  SENDCONN_SMTP_START_TLS = 2,   ///< with own_tls only: change to TLS, then S_tls_started()
  SENDCONN_SMTP_CLOSED = 3,      ///< the session is over: send output(), close the socket. Members: orderly, reply
  // server
  SENDCONN_SMTP_GREETING = 10,     ///< decision: 220 greets, with an empty text by "<hostname> ESMTP"; else the end
  SENDCONN_SMTP_HELLO = 11,        ///< text: the name the client gave; extended: EHLO
  SENDCONN_SMTP_LOGIN = 12,        ///< decision: text is the user, password; 235 lets in, 535 does not; mechanism
  SENDCONN_SMTP_SCRAM_LOGIN = 13,  ///< decision: text is the user; sendconn_smtp_server_reply_verifier(), or a refusal
  SENDCONN_SMTP_LOGIN_DONE = 14,   ///< text is the user; ok: SCRAM ended with a good proof
  SENDCONN_SMTP_MAIL = 15,         ///< decision: text is the reverse-path, empty for <>; octets (declared), eight_bit,
                                   ///< smtputf8
  SENDCONN_SMTP_RCPT = 16,         ///< decision: text is the forward-path
  SENDCONN_SMTP_DATA_START = 17,   ///< decision: 354 begins the message
  SENDCONN_SMTP_CONTENT = 18,      ///< text: a piece of the message, dots unstuffed, CRLF line ends
  SENDCONN_SMTP_MESSAGE_END = 19,  ///< decision: the message is complete and sound; octets; eight_bit: some above 0x7f
  SENDCONN_SMTP_RESET = 20,        ///< the transaction is over without a message: drop what belongs to it; reply
  // client
  SENDCONN_SMTP_READY = 30,            ///< greeted, encrypted and authenticated: sendconn_smtp_client_begin()
  SENDCONN_SMTP_SEND_CONTENT = 31,     ///< sendconn_smtp_client_content(), then end_content()
  SENDCONN_SMTP_RECIPIENT_REPLY = 32,  ///< index, reply: what became of one recipient at RCPT (LMTP: and at the end)
  SENDCONN_SMTP_MESSAGE_DONE = 33,     ///< reply: positive, the server has the message for all it accepted; code 0: the
                                       ///< server cannot take it as announced, and nothing was sent
  SENDCONN_SMTP_FAILED = 34  ///< reply: why; sent_final_dot: the message may have been taken; local: made here
};

/// What happened. Members without a meaning for the type are zero.
typedef struct sendconn_smtp_event {
  size_t struct_size;
  const char* text;
  size_t text_len;
  const char* password;  ///< a secret; the session wipes it once the decision is answered
  size_t password_len;
  const char* reply_text;  ///< of a reply: its text, several lines separated by LF
  size_t reply_text_len;
  uint64_t octets;
  size_t index;
  int32_t type;         ///< SENDCONN_SMTP_NEED_INPUT and so on
  int32_t is_decision;  ///< it waits for sendconn_smtp_server_reply()
  int32_t reply_code;   ///< of a reply: 200 to 599; 0: none
  int32_t reply_class;  ///< its enhanced status code (RFC 3463): 2, 4 or 5; 0: none
  int32_t reply_subject;
  int32_t reply_detail;
  int32_t mechanism;  ///< SENDCONN_SASL_*
  int32_t extended;
  int32_t eight_bit;
  int32_t smtputf8;
  int32_t has_octets;  ///< `octets` was declared
  int32_t ok;
  int32_t orderly;  ///< QUIT was exchanged
  int32_t sent_final_dot;
  int32_t local;
  uint32_t reserved;
} sendconn_smtp_event;
#define SENDCONN_SMTP_EVENT_INIT SENDCONN_INIT(sendconn_smtp_event)

/// How a server session behaves. All zero but hostname: a server without TLS or logins that takes mail; for one on the
/// Internet see require_auth, require_tls and the decisions.
typedef struct sendconn_smtp_server_options {
  size_t struct_size;
  const char* hostname;  ///< in the greeting and the reply to EHLO; required
  size_t hostname_len;
  const sendconn_tls_context* tls;  ///< offers STARTTLS, or is spoken at once if implicit_tls; may be NULL
  uint64_t max_message_octets;      ///< SIZE (RFC 1870); 0: 52,428,800; UINT64_MAX: no bound
  uint64_t max_recipients;          ///< then 452; 0: 100
  uint64_t max_line_octets;         ///< of the message; 0: no bound
  uint64_t max_auth_failures;       ///< then 421; 0: 3
  uint64_t max_errors;              ///< commands refused by the session, then 421; 0: 20
  uint64_t max_idle_commands;       ///< without a message between, then 421; 0: 100
  uint32_t command_timeout;         ///< seconds; 0: 300
  uint32_t data_timeout;            ///< seconds; 0: 180
  uint32_t mechanisms;              ///< bits SENDCONN_SASL_*; 0: no AUTH
  int32_t implicit_tls;             ///< port 465: the connection is encrypted from its first octet
  int32_t own_tls;             ///< TLS is made by the caller: STARTTLS is an event (implicit_tls: all is plain text)
  int32_t require_tls;         ///< before AUTH and MAIL
  int32_t require_auth;        ///< before MAIL
  int32_t normalize_newlines;  ///< bare CR and LF in a message become CRLF, instead of a refusal
} sendconn_smtp_server_options;
#define SENDCONN_SMTP_SERVER_OPTIONS_INIT SENDCONN_INIT(sendconn_smtp_server_options)

/// A session of a server.
typedef struct sendconn_smtp_server sendconn_smtp_server;

/// The first event is SENDCONN_SMTP_GREETING. SENDCONN_ERR_INVALID_ARGUMENT (no hostname, implicit_tls without a
/// context of a server).
SENDCONN_API sendconn_status sendconn_smtp_server_new(sendconn_smtp_server** out,
                                                      const sendconn_smtp_server_options* options, int64_t now,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// The client's network stands for a login, and if `also_without_tls` (loopback alone) for TLS: they are not asked for.
SENDCONN_API void sendconn_smtp_server_trust_client(sendconn_smtp_server* session,
                                                    int32_t also_without_tls) SENDCONN_NOEXCEPT;
/// Octets of the socket. `taken`: how many were used; feed the others again, after next_event(). SENDCONN_ERR_TLS.
SENDCONN_API sendconn_status sendconn_smtp_server_feed(size_t* taken, sendconn_smtp_server* session, const char* octets,
                                                       size_t octets_len, int64_t now,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API sendconn_status sendconn_smtp_server_next_event(sendconn_smtp_event* out, sendconn_smtp_server* session,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// Answers the open decision; ignored if none is open. `code`: 200 to 599. `enhanced`: "5.7.1", or empty. `text`:
/// several lines separated by LF; no text can forge a line. 421 ends the session, whatever the decision.
/// SENDCONN_ERR_INVALID_ARGUMENT (code), SENDCONN_ERR_SYNTAX (enhanced).
SENDCONN_API sendconn_status sendconn_smtp_server_reply(sendconn_smtp_server* session, int32_t code,
                                                        const char* enhanced, size_t enhanced_len, const char* text,
                                                        size_t text_len, int64_t now,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// Answers SENDCONN_SMTP_SCRAM_LOGIN with what sendconn_sasl_verifier() made for the user, or with one made up for an
/// unknown user, so that nobody learns who exists. SENDCONN_ERR_SYNTAX for a verifier that is none.
SENDCONN_API sendconn_status sendconn_smtp_server_reply_verifier(sendconn_smtp_server* session, const char* verifier,
                                                                 size_t verifier_len, int64_t now,
                                                                 sendconn_error** error) SENDCONN_NOEXCEPT;
/// With own_tls: the handshake after SENDCONN_SMTP_START_TLS is done.
SENDCONN_API sendconn_status sendconn_smtp_server_tls_started(sendconn_smtp_server* session, int64_t now,
                                                              sendconn_error** error) SENDCONN_NOEXCEPT;
/// Ends the session from our side by 421 with this text, once a message under way has been answered.
SENDCONN_API sendconn_status sendconn_smtp_server_shut_down(sendconn_smtp_server* session, const char* text,
                                                            size_t text_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// The peer closed its side. An open decision is still to be answered; then, or at once, comes SENDCONN_SMTP_CLOSED.
SENDCONN_API sendconn_status sendconn_smtp_server_input_closed(sendconn_smtp_server* session,
                                                               sendconn_error** error) SENDCONN_NOEXCEPT;
/// Octets for the socket; valid until the next call with this session other than the accessors below.
/// SENDCONN_ERR_TLS.
SENDCONN_API sendconn_status sendconn_smtp_server_output(const char** out, size_t* out_len,
                                                         sendconn_smtp_server* session,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// So many octets of output() were sent; more than there are counts as all.
SENDCONN_API void sendconn_smtp_server_consumed_output(sendconn_smtp_server* session, size_t count,
                                                       int64_t now) SENDCONN_NOEXCEPT;
/// When on_time() must be called at the latest; SENDCONN_NEVER while nothing is due.
SENDCONN_API int64_t sendconn_smtp_server_next_deadline(const sendconn_smtp_server* session) SENDCONN_NOEXCEPT;
/// Ends the session if its deadline has passed, and does nothing before.
SENDCONN_API sendconn_status sendconn_smtp_server_on_time(sendconn_smtp_server* session, int64_t now,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// The connection is encrypted.
SENDCONN_API int32_t sendconn_smtp_server_is_tls(const sendconn_smtp_server* session) SENDCONN_NOEXCEPT;
SENDCONN_API int32_t sendconn_smtp_server_is_authenticated(const sendconn_smtp_server* session) SENDCONN_NOEXCEPT;
/// "TLSv1.3" and the like; "" without TLS of the session's own. Lives as long as the session.
SENDCONN_API const char* sendconn_smtp_server_tls_protocol(const sendconn_smtp_server* session) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_smtp_server_free(sendconn_smtp_server* session) SENDCONN_NOEXCEPT;

/// When a client uses TLS.
enum {
  SENDCONN_SMTP_TLS_REQUIRED = 0,       ///< STARTTLS; the session fails if the server does not offer it
  SENDCONN_SMTP_TLS_OPPORTUNISTIC = 1,  ///< if offered
  SENDCONN_SMTP_TLS_IMPLICIT = 2,       ///< port 465: from the first octet
  SENDCONN_SMTP_TLS_OFF = 3
};

/// How a client session behaves.
typedef struct sendconn_smtp_client_options {
  size_t struct_size;
  const char* hello_name;  ///< a domain or address literal; required
  size_t hello_name_len;
  const char* server_name;  ///< of the certificate; empty only if it is not verified
  size_t server_name_len;
  const char* user;  ///< empty: no login
  size_t user_len;
  const char* password;
  size_t password_len;
  /// Of a client; required unless tls_mode is off, or own_tls. With one that verifies nothing a password goes to
  /// whoever answers.
  const sendconn_tls_context* tls;
  uint64_t max_reply_octets;      ///< of one reply; 0: 65,536
  uint32_t greeting_timeout;      ///< seconds; 0: 300
  uint32_t command_timeout;       ///< seconds; 0: 300
  uint32_t data_start_timeout;    ///< seconds; 0: 120
  uint32_t data_timeout;          ///< seconds without progress while the message is being sent; 0: 180
  uint32_t message_timeout;       ///< seconds for the reply to the final dot; 0: 600
  uint32_t mechanisms;            ///< bits SENDCONN_SASL_* that may be used; the strongest offered is; 0: all
  int32_t tls_mode;               ///< SENDCONN_SMTP_TLS_REQUIRED and so on
  int32_t own_tls;                ///< TLS is made by the caller
  int32_t allow_plaintext_login;  ///< PLAIN and LOGIN without TLS; for loopback only
  int32_t lmtp;                   ///< LHLO, one reply for each recipient at the end (RFC 2033)
} sendconn_smtp_client_options;
#define SENDCONN_SMTP_CLIENT_OPTIONS_INIT SENDCONN_INIT(sendconn_smtp_client_options)

/// Who sends to whom.
typedef struct sendconn_smtp_envelope {
  size_t struct_size;
  const char* reverse_path;  ///< empty: the null reverse-path
  size_t reverse_path_len;
  const char* const* recipients;  ///< array of recipient_count addresses; 1 at least
  const size_t* recipient_lens;   ///< array of as many lengths; NULL: each is terminated by NUL
  size_t recipient_count;
  uint64_t octets;    ///< of the message; 0: unknown
  int32_t eight_bit;  ///< the message has octets above 0x7f
  int32_t smtputf8;   ///< its header, or an address, needs SMTPUTF8
} sendconn_smtp_envelope;
#define SENDCONN_SMTP_ENVELOPE_INIT SENDCONN_INIT(sendconn_smtp_envelope)

/// A session of a client.
typedef struct sendconn_smtp_client sendconn_smtp_client;

/// SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_smtp_client_new(sendconn_smtp_client** out,
                                                      const sendconn_smtp_client_options* options, int64_t now,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// As sendconn_smtp_server_feed().
SENDCONN_API sendconn_status sendconn_smtp_client_feed(size_t* taken, sendconn_smtp_client* session, const char* octets,
                                                       size_t octets_len, int64_t now,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API sendconn_status sendconn_smtp_client_next_event(sendconn_smtp_event* out, sendconn_smtp_client* session,
                                                             sendconn_error** error) SENDCONN_NOEXCEPT;
/// With own_tls: the handshake after SENDCONN_SMTP_START_TLS is done.
SENDCONN_API sendconn_status sendconn_smtp_client_tls_started(sendconn_smtp_client* session, int64_t now,
                                                              sendconn_error** error) SENDCONN_NOEXCEPT;
/// Starts a transaction, after SENDCONN_SMTP_READY or SENDCONN_SMTP_MESSAGE_DONE. SENDCONN_ERR_WRONG_STATE;
/// SENDCONN_ERR_SYNTAX for an address that is none; SENDCONN_ERR_INVALID_ARGUMENT without recipients.
SENDCONN_API sendconn_status sendconn_smtp_client_begin(sendconn_smtp_client* session,
                                                        const sendconn_smtp_envelope* envelope, int64_t now,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;
/// The next piece of the message, any size: CRLF line ends; dots are stuffed here. It goes to output(): send before you
/// add much. Ignored except between SENDCONN_SMTP_SEND_CONTENT and end_content().
SENDCONN_API sendconn_status sendconn_smtp_client_content(sendconn_smtp_client* session, const char* octets,
                                                          size_t octets_len, int64_t now,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API sendconn_status sendconn_smtp_client_end_content(sendconn_smtp_client* session, int64_t now,
                                                              sendconn_error** error) SENDCONN_NOEXCEPT;
/// Says QUIT, behind whatever is under way; SENDCONN_SMTP_CLOSED comes with its reply.
SENDCONN_API sendconn_status sendconn_smtp_client_quit(sendconn_smtp_client* session, int64_t now,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// The peer closed its side.
SENDCONN_API sendconn_status sendconn_smtp_client_input_closed(sendconn_smtp_client* session,
                                                               sendconn_error** error) SENDCONN_NOEXCEPT;
/// As sendconn_smtp_server_output().
SENDCONN_API sendconn_status sendconn_smtp_client_output(const char** out, size_t* out_len,
                                                         sendconn_smtp_client* session,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// So many octets of output() were sent; more than there are counts as all. The deadline of a message begins anew.
SENDCONN_API void sendconn_smtp_client_consumed_output(sendconn_smtp_client* session, size_t count,
                                                       int64_t now) SENDCONN_NOEXCEPT;
/// When on_time() must be called at the latest; SENDCONN_NEVER while nothing is asked of the server.
SENDCONN_API int64_t sendconn_smtp_client_next_deadline(const sendconn_smtp_client* session) SENDCONN_NOEXCEPT;
/// Fails the session if its deadline has passed, and does nothing before.
SENDCONN_API sendconn_status sendconn_smtp_client_on_time(sendconn_smtp_client* session, int64_t now,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// The connection is encrypted.
SENDCONN_API int32_t sendconn_smtp_client_is_tls(const sendconn_smtp_client* session) SENDCONN_NOEXCEPT;
/// The server's certificate was checked and is good.
SENDCONN_API int32_t sendconn_smtp_client_is_peer_verified(const sendconn_smtp_client* session) SENDCONN_NOEXCEPT;
/// "TLSv1.3" and the like; "" without TLS of the session's own. Lives as long as the session.
SENDCONN_API const char* sendconn_smtp_client_tls_protocol(const sendconn_smtp_client* session) SENDCONN_NOEXCEPT;
/// What the server announced, by the keyword of EHLO in upper case: "PIPELINING", "8BITMIME", "SMTPUTF8", "STARTTLS",
/// "ENHANCEDSTATUSCODES", "SIZE", "AUTH"; 0 for one that the library does not know.
SENDCONN_API int32_t sendconn_smtp_client_offers(const sendconn_smtp_client* session, const char* keyword,
                                                 size_t keyword_len) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_smtp_client_free(sendconn_smtp_client* session) SENDCONN_NOEXCEPT;

// ── Messages to send (RFC 5322, MIME) ──────────────────────────────────────────────────────────────────────────────

/// A message before it is octets: text, HTML, attachments, names in any language (UTF-8). Thread-compatible.
typedef struct sendconn_message sendconn_message;

/// Fields with addresses.
enum {
  SENDCONN_MESSAGE_FROM = 0,    ///< one at least; several need a sender
  SENDCONN_MESSAGE_SENDER = 1,  ///< the last one counts
  SENDCONN_MESSAGE_REPLY_TO = 2,
  SENDCONN_MESSAGE_TO = 3,
  SENDCONN_MESSAGE_CC = 4,
  SENDCONN_MESSAGE_BCC = 5  ///< gets the message, which never shows it
};

/// An empty one.
SENDCONN_API sendconn_status sendconn_message_new(sendconn_message** out, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Adds an address to a field (SENDCONN_MESSAGE_FROM and so on); `name`, for people, may be empty. SENDCONN_ERR_SYNTAX
/// with the position, SENDCONN_ERR_INVALID_ARGUMENT.
SENDCONN_API sendconn_status sendconn_message_add_address(sendconn_message* message, int32_t field, const char* name,
                                                          size_t name_len, const char* address, size_t address_len,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API sendconn_status sendconn_message_set_subject(sendconn_message* message, const char* subject,
                                                          size_t subject_len, sendconn_error** error) SENDCONN_NOEXCEPT;
/// Plain text; line ends of any kind. With HTML too, the reader's program chooses.
SENDCONN_API sendconn_status sendconn_message_set_text(sendconn_message* message, const char* text, size_t text_len,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// A whole document.
SENDCONN_API sendconn_status sendconn_message_set_html(sendconn_message* message, const char* html, size_t html_len,
                                                       sendconn_error** error) SENDCONN_NOEXCEPT;
/// "left@right" without angle brackets; without it one is made in the domain of the first From.
SENDCONN_API sendconn_status sendconn_message_set_id(sendconn_message* message, const char* id, size_t id_len,
                                                     sendconn_error** error) SENDCONN_NOEXCEPT;
/// A header field of one's own, before it is written by compose() or send().
SENDCONN_API sendconn_status sendconn_message_add_field(sendconn_message* message, const char* name, size_t name_len,
                                                        const char* value, size_t value_len,
                                                        sendconn_error** error) SENDCONN_NOEXCEPT;

/// A file that goes along, or an image that the HTML shows.
typedef struct sendconn_attachment {
  size_t struct_size;
  const char* content;  ///< the octets; they arrive unchanged
  size_t content_len;
  const char* file_name;  ///< without folders; empty: none
  size_t file_name_len;
  const char* content_type;  ///< "application/pdf"; empty: application/octet-stream
  size_t content_type_len;
  const char* content_id;  ///< an image inside the HTML, which names it as <img src="cid:left@right">: "left@right"
  size_t content_id_len;
} sendconn_attachment;
#define SENDCONN_ATTACHMENT_INIT SENDCONN_INIT(sendconn_attachment)

SENDCONN_API sendconn_status sendconn_message_attach(sendconn_message* message, const sendconn_attachment* attachment,
                                                     sendconn_error** error) SENDCONN_NOEXCEPT;
/// A file, by its path, terminated by NUL; it goes under the path's last name. `content_type`: as above.
/// SENDCONN_ERR_NOT_FOUND, SENDCONN_ERR_IO, SENDCONN_ERR_LIMIT_EXCEEDED above 50 MB.
SENDCONN_API sendconn_status sendconn_message_attach_file(sendconn_message* message, const char* path,
                                                          const char* content_type, size_t content_type_len,
                                                          sendconn_error** error) SENDCONN_NOEXCEPT;
/// The message as octets: header, empty line, body, CRLF line ends. `unix_time`: of the Date field; 0: now.
/// SENDCONN_ERR_INVALID_ARGUMENT (no From, a name, type, id or field that is not of its form), SENDCONN_ERR_SYNTAX with
/// the position (text that is not UTF-8, a control character), SENDCONN_ERR_LIMIT_EXCEEDED.
SENDCONN_API sendconn_status sendconn_message_compose(sendconn_bytes** out, const sendconn_message* message,
                                                      int64_t unix_time, sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_message_free(sendconn_message* message) SENDCONN_NOEXCEPT;

// ── Sending, for applications that do nothing else ─────────────────────────────────────────────────────────────────

/// Where to, how, and what every message is signed with. All zero but host: port 587, STARTTLS, the certificate
/// verified by the system's authorities.
typedef struct sendconn_mailer_options {
  size_t struct_size;
  const char* host;  ///< a name or an IP address; required
  size_t host_len;
  const char* user;  ///< empty: no login
  size_t user_len;
  const char* password;
  size_t password_len;
  const char* authorities_file;  ///< PEM; empty: the system's store
  size_t authorities_file_len;
  const char* hello_name;  ///< what this machine calls itself in EHLO; empty: its host name or its address
  size_t hello_name_len;
  const char* dns_servers;  ///< "192.0.2.1, [2001:db8::1]:53"; empty: the system's
  size_t dns_servers_len;
  const sendconn_dkim_signature* signatures;  ///< array of signature_count structs; may be NULL
  size_t signature_count;
  uint64_t max_message_octets;  ///< 0: 52,428,800; UINT64_MAX: no bound
  uint64_t max_recipients;      ///< of one message; 0: 1,000
  uint64_t max_messages;        ///< over one connection; 0: 100
  uint32_t keep_open;           ///< seconds that an unused connection stays open for the next message; 0: none does
  uint32_t connect_timeout;     ///< seconds; 0: 30
  uint32_t command_timeout;     ///< seconds; 0: 300
  uint32_t data_timeout;        ///< seconds without progress; 0: 180
  uint32_t message_timeout;     ///< seconds for the reply to the message; 0: 600
  uint32_t send_timeout;        ///< seconds for all of it; 0: 3,600
  uint16_t port;                ///< 0: 465 with implicit TLS, else 587
  uint16_t reserved;
  int32_t tls_mode;           ///< SENDCONN_SMTP_TLS_REQUIRED and so on; OPPORTUNISTIC verifies if there is a login
  int32_t no_verify;          ///< take any certificate: for tests alone; the password then goes to whoever answers
  int32_t login_without_tls;  ///< the password may go over a connection without TLS; to loopback only, but for SCRAM
  int32_t cleartext_beyond_loopback;  ///< with TLS off: also to other machines
  uint32_t mechanisms;                ///< bits SENDCONN_SASL_* that may be used; 0: all
} sendconn_mailer_options;
#define SENDCONN_MAILER_OPTIONS_INIT SENDCONN_INIT(sendconn_mailer_options)

/// Told what leaves: octets of the message so far, and all of them.
typedef void (*sendconn_progress_fn)(uint64_t sent, uint64_t total, void* userdata);
/// Asked every 50 ms: 1 ends the sending.
typedef int32_t (*sendconn_cancel_fn)(void* userdata);

/// What a call of sendconn_mailer_send() tells and asks, on its thread. Each may be NULL.
typedef struct sendconn_mailer_callbacks {
  size_t struct_size;
  sendconn_progress_fn progress;
  sendconn_cancel_fn cancel;
  sendconn_log_fn log;  ///< level 6; what happened and what the server said; never a password nor the message
  void* userdata;       ///< for all of them
} sendconn_mailer_callbacks;
#define SENDCONN_MAILER_CALLBACKS_INIT SENDCONN_INIT(sendconn_mailer_callbacks)

/// Sends to one server. It blocks, with a deadline on every wait; it keeps no queue and never tries again by itself.
typedef struct sendconn_mailer sendconn_mailer;
/// What became of one message. Immutable and thread-safe.
typedef struct sendconn_mail_report sendconn_mail_report;

/// What to tell a user about a recipient.
enum {
  SENDCONN_MAIL_ACCEPTED = 0,   ///< the server has taken the message for this recipient
  SENDCONN_MAIL_TEMPORARY = 1,  ///< not now: the same may succeed later
  SENDCONN_MAIL_PERMANENT = 2   ///< not like this: the message, the address or the options must change first
};

/// Where a session failed.
enum {
  SENDCONN_MAIL_STAGE_NONE = 0,      ///< it did not
  SENDCONN_MAIL_STAGE_LOOKUP = 1,    ///< the host's name has no address, or the DNS did not answer
  SENDCONN_MAIL_STAGE_CONNECT = 2,   ///< no address answered
  SENDCONN_MAIL_STAGE_TLS = 3,       ///< certificate or handshake, or TLS is not offered
  SENDCONN_MAIL_STAGE_GREETING = 4,  ///< the server did not want us, or did not speak SMTP
  SENDCONN_MAIL_STAGE_LOGIN = 5,     ///< name or password, or no mechanism in common
  SENDCONN_MAIL_STAGE_MESSAGE = 6,   ///< while the message was handed over
  SENDCONN_MAIL_STAGE_CANCELLED = 7
};

/// Texts are the report's, valid until it is freed.
typedef struct sendconn_mail_outcome {
  size_t struct_size;
  const char* reply_text;  ///< to the message as a whole, with the server's queue id as a rule; or why it failed
  size_t reply_text_len;
  const char* message_id;  ///< without angle brackets; of a sendconn_message
  size_t message_id_len;
  const char* tls;  ///< "TLSv1.3"; empty: without TLS
  size_t tls_len;
  size_t recipients;  ///< sendconn_mail_report_recipient()
  int32_t reply_code;
  int32_t reply_class;  ///< its enhanced status code; 0: none
  int32_t reply_subject;
  int32_t reply_detail;
  int32_t all_accepted;      ///< for every recipient
  int32_t failed_at;         ///< SENDCONN_MAIL_STAGE_*
  int32_t may_have_arrived;  ///< the connection was lost before the last reply: sending again may deliver it twice
  uint32_t reserved;
} sendconn_mail_outcome;
#define SENDCONN_MAIL_OUTCOME_INIT SENDCONN_INIT(sendconn_mail_outcome)

/// One recipient; texts as above.
typedef struct sendconn_mail_recipient {
  size_t struct_size;
  const char* address;
  size_t address_len;
  const char* reply_text;  ///< what the server said of this recipient, or of the message, or why the session failed
  size_t reply_text_len;
  int32_t fate;        ///< SENDCONN_MAIL_ACCEPTED and so on
  int32_t reply_code;  ///< 0: no server said it
  int32_t reply_class;
  int32_t reply_subject;
  int32_t reply_detail;
  uint32_t reserved;
} sendconn_mail_recipient;
#define SENDCONN_MAIL_RECIPIENT_INIT SENDCONN_INIT(sendconn_mail_recipient)

/// Connects to nothing yet. SENDCONN_ERR_INVALID_ARGUMENT for options out of range, SENDCONN_ERR_SYNTAX for a
/// signature's names, and what sendconn_tls_context_new() says of the authorities' file.
SENDCONN_API sendconn_status sendconn_mailer_new(sendconn_mailer** out, const sendconn_mailer_options* options,
                                                 sendconn_error** error) SENDCONN_NOEXCEPT;
/// Composes, signs and sends the message to all its recipients. Everything that a server or the network says is in the
/// report, not an error. `callbacks` may be NULL. Errors as sendconn_message_compose() and sendconn_dkim_sign();
/// SENDCONN_ERR_CALLBACK if a callback threw.
SENDCONN_API sendconn_status sendconn_mailer_send(sendconn_mail_report** out, sendconn_mailer* mailer,
                                                  const sendconn_message* message,
                                                  const sendconn_mailer_callbacks* callbacks,
                                                  sendconn_error** error) SENDCONN_NOEXCEPT;
/// The same for a message that is octets already: CRLF line ends. Of the envelope reverse_path and recipients count.
/// A Bcc field would be sent as it is. Besides: SENDCONN_ERR_SYNTAX for an address, a CR or LF by itself, and NUL.
SENDCONN_API sendconn_status sendconn_mailer_send_octets(sendconn_mail_report** out, sendconn_mailer* mailer,
                                                         const char* message, size_t message_len,
                                                         const sendconn_smtp_envelope* envelope,
                                                         const sendconn_mailer_callbacks* callbacks,
                                                         sendconn_error** error) SENDCONN_NOEXCEPT;
/// Ends a connection that was kept open; waits at most 5 seconds.
SENDCONN_API sendconn_status sendconn_mailer_close(sendconn_mailer* mailer, sendconn_error** error) SENDCONN_NOEXCEPT;
/// A connection is kept for the next message.
SENDCONN_API int32_t sendconn_mailer_is_open(const sendconn_mailer* mailer) SENDCONN_NOEXCEPT;
/// Says QUIT without waiting for an answer, and closes.
SENDCONN_API void sendconn_mailer_free(sendconn_mailer* mailer) SENDCONN_NOEXCEPT;

SENDCONN_API sendconn_status sendconn_mail_report_get(sendconn_mail_outcome* out, const sendconn_mail_report* report,
                                                      sendconn_error** error) SENDCONN_NOEXCEPT;
/// By index from 0, in the order of the recipients. SENDCONN_ERR_NOT_FOUND behind the last.
SENDCONN_API sendconn_status sendconn_mail_report_recipient(sendconn_mail_recipient* out,
                                                            const sendconn_mail_report* report, size_t index,
                                                            sendconn_error** error) SENDCONN_NOEXCEPT;
SENDCONN_API void sendconn_mail_report_free(sendconn_mail_report* report) SENDCONN_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
