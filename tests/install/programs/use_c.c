/* A program of somebody else's in C: it makes a key and signs a message; 0 if all is as it must be. */
#include <stdio.h>
#include <string.h>

#include <sendconn.h>

int main(void) {
  sendconn_error* error = NULL;
  sendconn_key* key = NULL;
  sendconn_bytes* record = NULL;
  if (sendconn_key_generate(&key, SENDCONN_KEY_ED25519, 0, &error) != SENDCONN_OK ||
      sendconn_dkim_key_record(&record, key, &error) != SENDCONN_OK) {
    fprintf(stderr, "%s\n", error == NULL ? "?" : sendconn_error_text(error));
    sendconn_error_free(error);
    return 1;
  }
  const int good = strncmp(sendconn_bytes_data(record), "v=DKIM1; k=ed25519;", 19) == 0;
  printf("sendconn %s: %.19s\n", sendconn_version(), sendconn_bytes_data(record));
  sendconn_bytes_free(record);
  sendconn_key_free(key);
  return good ? 0 : 1;
}
