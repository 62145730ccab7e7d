/* Sends a signed attachment: HOST PORT AUTHORITIES.pem USER PASSWORD KEY.pem SELECTOR FROM TO FILE */
#include <sendconn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  if (argc != 11 || strchr(argv[8], '@') == NULL) return 2;
  sendconn_error* error = NULL;
  sendconn_key* key = NULL;
  sendconn_mailer* mailer = NULL;
  sendconn_message* message = NULL;
  sendconn_mail_report* report = NULL;
  sendconn_dkim_signature signature = SENDCONN_DKIM_SIGNATURE_INIT;
  sendconn_mailer_options options = SENDCONN_MAILER_OPTIONS_INIT;
  sendconn_mail_outcome outcome = SENDCONN_MAIL_OUTCOME_INIT;
  signature.domain = strchr(argv[8], '@') + 1, signature.domain_len = SENDCONN_NUL;
  signature.selector = argv[7], signature.selector_len = SENDCONN_NUL;
  options.host = argv[1], options.host_len = SENDCONN_NUL, options.port = (uint16_t)atoi(argv[2]);
  options.authorities_file = argv[3], options.authorities_file_len = SENDCONN_NUL;
  options.user = argv[4], options.user_len = SENDCONN_NUL;
  options.password = argv[5], options.password_len = SENDCONN_NUL;
  options.signatures = &signature, options.signature_count = 1;
  if (sendconn_key_from_file(&key, argv[6], NULL, 0, &error) || (signature.key = key, 0) ||
      sendconn_mailer_new(&mailer, &options, &error) || sendconn_message_new(&message, &error) ||
      sendconn_message_add_address(message, SENDCONN_MESSAGE_FROM, "Ada", 3, argv[8], SENDCONN_NUL, &error) ||
      sendconn_message_add_address(message, SENDCONN_MESSAGE_TO, NULL, 0, argv[9], SENDCONN_NUL, &error) ||
      sendconn_message_set_subject(message, "A file", SENDCONN_NUL, &error) ||
      sendconn_message_set_text(message, "Here it is.", SENDCONN_NUL, &error) ||
      sendconn_message_attach_file(message, argv[10], NULL, 0, &error) ||
      sendconn_mailer_send(&report, mailer, message, NULL, &error) ||
      sendconn_mail_report_get(&outcome, report, &error))
    fprintf(stderr, "send_attachment: %s\n", sendconn_error_text(error));
  else
    printf("%d %s\n", outcome.reply_code, outcome.reply_text);
  sendconn_mail_report_free(report), sendconn_message_free(message), sendconn_mailer_free(mailer);
  sendconn_key_free(key), sendconn_error_free(error);
  return outcome.all_accepted ? 0 : 1;
}
