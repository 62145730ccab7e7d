/* Signs a message with DKIM: the signed message goes to the standard output.
 *
 *     sign_file KEY.pem DOMAIN SELECTOR < message.eml > signed.eml
 *
 * The message is read in pieces and held here only because it has to be written again behind its signature. */
#include <sendconn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(sendconn_error* error) {
  fprintf(stderr, "sign_file: %s\n", sendconn_error_text(error));
  sendconn_error_free(error);
  return 1;
}

/* All of the standard input; NULL without memory. */
static char* read_all(size_t* size) {
  char* text = NULL;
  size_t room = 0;
  *size = 0;
  for (;;) {
    if (*size == room) {
      char* larger = realloc(text, room = room * 2 + 4096);
      if (larger == NULL) {
        free(text);
        return NULL;
      }
      text = larger;
    }
    size_t count = fread(text + *size, 1, room - *size, stdin);
    if (count == 0) return text;
    *size += count;
  }
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: sign_file KEY.pem DOMAIN SELECTOR < message.eml > signed.eml\n");
    return 2;
  }
  sendconn_error* error = NULL;
  sendconn_key* key = NULL;
  if (sendconn_key_from_file(&key, argv[1], NULL, 0, &error) != SENDCONN_OK) return fail(error);

  size_t size = 0;
  char* text = read_all(&size);
  if (text == NULL) return 1;
  sendconn_bytes* message = NULL; /* with the line ends that mail has */
  sendconn_bytes* field = NULL;

  sendconn_dkim_signature signature = SENDCONN_DKIM_SIGNATURE_INIT;
  signature.key = key;
  signature.domain = argv[2];
  signature.domain_len = SENDCONN_NUL;
  signature.selector = argv[3];
  signature.selector_len = SENDCONN_NUL;

  int status = 0;
  if (sendconn_to_crlf(&message, text, size, &error) != SENDCONN_OK ||
      sendconn_dkim_sign(&field, sendconn_bytes_data(message), sendconn_bytes_size(message), &signature, NULL,
                         &error) != SENDCONN_OK) {
    status = fail(error);
  } else {
    fwrite(sendconn_bytes_data(field), 1, sendconn_bytes_size(field), stdout);
    fwrite(sendconn_bytes_data(message), 1, sendconn_bytes_size(message), stdout);
    status = fflush(stdout) == 0 ? 0 : 1;
  }
  sendconn_bytes_free(field);
  sendconn_bytes_free(message);
  sendconn_key_free(key);
  free(text);
  return status;
}
