/* One piece of work for the programs of this folder: a key, a signature, and a handshake's first octets. */
#ifndef SENDCONN_TESTS_CAPI_LINKING_SIGN_H
#define SENDCONN_TESTS_CAPI_LINKING_SIGN_H

#include <stdio.h>

#include "capi/sendconn.h"

/* The functions by pointers, so that a program can take them from wherever it likes. */
struct sendconn_functions {
  int32_t (*key_generate)(sendconn_key**, int32_t, uint32_t, sendconn_error**);
  int32_t (*dkim_sign)(sendconn_bytes**, const char*, size_t, const sendconn_dkim_signature*,
                       const sendconn_dkim_signer_options*, sendconn_error**);
  int32_t (*domain_display)(sendconn_bytes**, const char*, size_t, sendconn_error**);
  int32_t (*tls_context_new)(sendconn_tls_context**, const sendconn_tls_options*, sendconn_error**);
  int32_t (*tls_endpoint_new)(sendconn_tls_endpoint**, const sendconn_tls_context*, const char*, size_t,
                              sendconn_error**);
  const char* (*tls_endpoint_output)(size_t*, const sendconn_tls_endpoint*);
  const char* (*error_text)(const sendconn_error*);
  void (*tls_endpoint_free)(sendconn_tls_endpoint*);
  void (*tls_context_free)(sendconn_tls_context*);
  void (*bytes_free)(sendconn_bytes*);
  void (*key_free)(sendconn_key*);
};

#define SENDCONN_FOR_EACH_FUNCTION(DO) \
  DO(key_generate)                     \
  DO(dkim_sign)                        \
  DO(domain_display)                   \
  DO(tls_context_new)                  \
  DO(tls_endpoint_new)                 \
  DO(tls_endpoint_output)              \
  DO(error_text)                       \
  DO(tls_endpoint_free)                \
  DO(tls_context_free)                 \
  DO(bytes_free)                       \
  DO(key_free)

/* 0 if all of it went well. */
static int do_some_work(const struct sendconn_functions* f) {
  static const char message[] = "From: ada@example.org\r\nSubject: test\r\n\r\nHello\r\n";
  sendconn_error* error = NULL;
  sendconn_key* key = NULL;
  sendconn_bytes *field = NULL, *name = NULL;
  sendconn_tls_context* context = NULL;
  sendconn_tls_endpoint* endpoint = NULL;
  sendconn_dkim_signature signature = SENDCONN_DKIM_SIGNATURE_INIT;
  sendconn_tls_options tls = SENDCONN_TLS_OPTIONS_INIT;
  size_t hello = 0;
  tls.verify = SENDCONN_TLS_VERIFY_NONE;
  signature.domain = "example.org";
  signature.domain_len = SENDCONN_NUL;
  signature.selector = "s1";
  signature.selector_len = SENDCONN_NUL;
  int failed = f->key_generate(&key, SENDCONN_KEY_ED25519, 0, &error);
  signature.key = key;
  if (!failed) failed = f->dkim_sign(&field, message, sizeof message - 1, &signature, NULL, &error);
  if (!failed) failed = f->domain_display(&name, "xn--bcher-kva.example", SENDCONN_NUL, &error);
  if (!failed) failed = f->tls_context_new(&context, &tls, &error);
  if (!failed) failed = f->tls_endpoint_new(&endpoint, context, "example.org", SENDCONN_NUL, &error);
  if (!failed) f->tls_endpoint_output(&hello, endpoint);
  if (!failed && hello < 100) failed = -1;
  if (failed) fprintf(stderr, "failed: %s\n", f->error_text(error));
  f->tls_endpoint_free(endpoint);
  f->tls_context_free(context);
  f->bytes_free(name);
  f->bytes_free(field);
  f->key_free(key);
  return failed;
}

#endif
