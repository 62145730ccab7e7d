/* Checks a message as its receiver would: SPF, every DKIM signature, DMARC.
 *
 *     check_message CLIENT-IP HELO MAIL-FROM [ZONE-FILE] < message.eml
 *
 * Prints the field Authentication-Results and the verdicts. With a zone file the DNS is that file (for a
 * demonstration); else it is asked over the network. Exit code 0 if DMARC passed, 1 if it did not, 2 if there was no
 * way to tell. */
#include <sendconn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(sendconn_error* error) {
  fprintf(stderr, "check_message: %s\n", sendconn_error_text(error));
  sendconn_error_free(error);
  return 2;
}

static sendconn_resolver* open_resolver(const char* zone_file, sendconn_error** error) {
  sendconn_resolver* resolver = NULL;
  if (zone_file == NULL) {
    sendconn_resolver_new(&resolver, NULL, error);
    return resolver;
  }
  static char zone[65536];
  FILE* file = fopen(zone_file, "rb");
  size_t size = file != NULL ? fread(zone, 1, sizeof zone, file) : 0;
  if (file != NULL) fclose(file);
  sendconn_resolver_new_zone(&resolver, zone, size, error);
  return resolver;
}

/* Line ends of files become those of mail; a CR of the input is passed over. */
static sendconn_status feed(sendconn_authenticate* check, sendconn_error** error) {
  char line[4096];
  sendconn_status status = SENDCONN_OK;
  while (status == SENDCONN_OK && fgets(line, sizeof line, stdin) != NULL) {
    size_t size = strcspn(line, "\r\n");
    status = sendconn_authenticate_update(check, line, size, error);
    if (status == SENDCONN_OK && line[size] != '\0') status = sendconn_authenticate_update(check, "\r\n", 2, error);
  }
  return status == SENDCONN_OK ? sendconn_authenticate_finish(check, error) : status;
}

static int report(const sendconn_authenticate* check, sendconn_error** error) {
  sendconn_authenticate_results results = SENDCONN_AUTHENTICATE_RESULTS_INIT;
  sendconn_dmarc_outcome dmarc = SENDCONN_DMARC_OUTCOME_INIT;
  sendconn_bytes* field = NULL;
  if (sendconn_authenticate_get(&results, check, error) != SENDCONN_OK ||
      sendconn_authenticate_dmarc(&dmarc, check, error) != SENDCONN_OK ||
      sendconn_authenticate_format(&field, check, "checker.example", SENDCONN_NUL, error) != SENDCONN_OK)
    return fail(*error);
  fputs(sendconn_bytes_data(field), stdout);
  sendconn_bytes_free(field);
  printf("spf: %s\n", sendconn_spf_verdict_text(results.spf));
  for (size_t i = 0; i < results.signatures; ++i) {
    sendconn_dkim_result signature = SENDCONN_DKIM_RESULT_INIT;
    if (sendconn_authenticate_dkim(&signature, check, i, error) != SENDCONN_OK) return fail(*error);
    printf("dkim: %s for %s (%s)\n", sendconn_dkim_verdict_text(signature.verdict), signature.domain,
           sendconn_dkim_reason_text(signature.reason));
  }
  printf("dmarc: %s, %s\n", sendconn_dmarc_verdict_text(results.dmarc), dmarc.reason);
  return results.dmarc == SENDCONN_DMARC_PASS ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    fprintf(stderr, "usage: check_message CLIENT-IP HELO MAIL-FROM [ZONE-FILE] < message.eml\n");
    return 2;
  }
  sendconn_authenticate_options options = SENDCONN_AUTHENTICATE_OPTIONS_INIT;
  options.client = argv[1];
  options.client_len = SENDCONN_NUL;
  options.helo = argv[2];
  options.helo_len = SENDCONN_NUL;
  options.mail_from = argv[3];
  options.mail_from_len = SENDCONN_NUL;

  sendconn_error* error = NULL;
  sendconn_authenticate* check = NULL;
  sendconn_resolver* resolver = open_resolver(argc == 5 ? argv[4] : NULL, &error);
  int status = 2;
  if (resolver == NULL || sendconn_authenticate_new(&check, &options, &error) != SENDCONN_OK ||
      feed(check, &error) != SENDCONN_OK || sendconn_authenticate_run(check, resolver, &error) != SENDCONN_OK)
    status = fail(error);
  else
    status = report(check, &error);
  sendconn_authenticate_free(check);
  sendconn_resolver_free(resolver);
  return status;
}
