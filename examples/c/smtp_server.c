/* An SMTP server with STARTTLS and logins for one client at a time: one loop of poll(2), and no line of OpenSSL.
 *
 *     smtp_server PORT CERTIFICATE.pem KEY.pem USER PASSWORD [CONNECTIONS]
 *
 * Listens on 127.0.0.1; port 0 takes a free one. Prints the port, then each message with its envelope. It asks for TLS
 * and a login before it takes mail, and ends after CONNECTIONS connections (default: never). */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sendconn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sendconn_bytes* verifier; /* what we know of the only user's password */
static sendconn_bytes* decoy;    /* the same of a password that nobody knows: for users who do not exist */
static const char* user;

static int fail(sendconn_error* error) {
  fprintf(stderr, "smtp_server: %s\n", sendconn_error_text(error));
  sendconn_error_free(error);
  return 1;
}

static sendconn_status reply(sendconn_smtp_server* session, int code, const char* enhanced, const char* text,
                             sendconn_error** error) {
  return sendconn_smtp_server_reply(session, code, enhanced, SENDCONN_NUL, text, SENDCONN_NUL,
                                    sendconn_clock_monotonic(), error);
}

static sendconn_status check_login(sendconn_smtp_server* session, const sendconn_smtp_event* event,
                                   sendconn_error** error) {
  int32_t good = 0;
  sendconn_status status = sendconn_sasl_check_password(
      &good, sendconn_bytes_data(verifier), sendconn_bytes_size(verifier), event->password, event->password_len, error);
  if (status != SENDCONN_OK) return status;
  /* The password was checked first, so that an unknown user takes as long as a known one. */
  good = good && event->text_len == strlen(user) && memcmp(event->text, user, event->text_len) == 0;
  return good ? reply(session, 235, "2.7.0", "welcome", error)
              : reply(session, 535, "5.7.8", "user or password is wrong", error);
}

/* Acts on one event; *done is set when the session is over. */
static sendconn_status act(sendconn_smtp_server* session, const sendconn_smtp_event* event, int* done,
                           sendconn_error** error) {
  switch (event->type) {
    case SENDCONN_SMTP_GREETING:
      return reply(session, 220, "", "", error);
    case SENDCONN_SMTP_LOGIN:
      return check_login(session, event, error);
    case SENDCONN_SMTP_SCRAM_LOGIN: { /* for an unknown user the exchange fails at its end, as for a wrong password */
      int known = event->text_len == strlen(user) && memcmp(event->text, user, event->text_len) == 0;
      const sendconn_bytes* against = known ? verifier : decoy;
      return sendconn_smtp_server_reply_verifier(session, sendconn_bytes_data(against), sendconn_bytes_size(against),
                                                 sendconn_clock_monotonic(), error);
    }
    case SENDCONN_SMTP_MAIL:
      printf("MAIL <%.*s> over %s\n", (int)event->text_len, event->text, sendconn_smtp_server_tls_protocol(session));
      return reply(session, 250, "2.1.0", "ok", error);
    case SENDCONN_SMTP_RCPT:
      printf("RCPT <%.*s>\n", (int)event->text_len, event->text);
      return reply(session, 250, "2.1.5", "ok", error);
    case SENDCONN_SMTP_DATA_START:
      return reply(session, 354, "", "go on", error);
    case SENDCONN_SMTP_CONTENT:
      fwrite(event->text, 1, event->text_len, stdout);
      return SENDCONN_OK;
    case SENDCONN_SMTP_MESSAGE_END:
      printf("END %llu octets\n", (unsigned long long)event->octets);
      fflush(stdout);
      return reply(session, 250, "2.0.0", "printed", error);
    case SENDCONN_SMTP_CLOSED:
      *done = 1;
      return SENDCONN_OK;
    default:
      return SENDCONN_OK;
  }
}

/* Everything that the session can do now with these octets. */
static sendconn_status take(sendconn_smtp_server* session, const char* octets, size_t count, int* done,
                            sendconn_error** error) {
  sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
  size_t taken = 0;
  do {
    sendconn_status status = SENDCONN_OK;
    while (!*done) {
      status = sendconn_smtp_server_next_event(&event, session, error);
      if (status != SENDCONN_OK || event.type <= SENDCONN_SMTP_PAUSED) break;
      if ((status = act(session, &event, done, error)) != SENDCONN_OK) break;
    }
    if (status != SENDCONN_OK || *done) return status;
    status = sendconn_smtp_server_feed(&taken, session, octets, count, sendconn_clock_monotonic(), error);
    if (status != SENDCONN_OK) return status;
    octets += taken;
    count -= taken;
  } while (taken != 0);
  return SENDCONN_OK;
}

/* 0: all is sent; 1: the socket takes no more now; -1: the connection is lost. */
static int send_output(sendconn_smtp_server* session, int fd) {
  for (;;) {
    const char* octets = NULL;
    size_t count = 0;
    if (sendconn_smtp_server_output(&octets, &count, session, NULL) != SENDCONN_OK) return -1;
    if (count == 0) return 0;
    ssize_t written = send(fd, octets, count, MSG_NOSIGNAL);
    if (written < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
    sendconn_smtp_server_consumed_output(session, (size_t)written, sendconn_clock_monotonic());
  }
}

static sendconn_status serve(sendconn_smtp_server* session, int fd, sendconn_error** error) {
  static char input[16384];
  int done = 0;
  sendconn_status status = take(session, NULL, 0, &done, error);
  while (status == SENDCONN_OK && !done) {
    int more = send_output(session, fd);
    if (more < 0) return SENDCONN_OK;
    int64_t left = sendconn_smtp_server_next_deadline(session) - sendconn_clock_monotonic();
    struct pollfd wait = {fd, (short)(POLLIN | (more ? POLLOUT : 0)), 0};
    poll(&wait, 1, left > 60000000000 ? 60000 : left < 0 ? 0 : (int)(left / 1000000) + 1);
    status = sendconn_smtp_server_on_time(session, sendconn_clock_monotonic(), error);
    ssize_t count = recv(fd, input, sizeof input, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
      count = 0;
    else if (count <= 0 && status == SENDCONN_OK)
      status = sendconn_smtp_server_input_closed(session, error);
    if (status == SENDCONN_OK) status = take(session, input, count > 0 ? (size_t)count : 0, &done, error);
  }
  send_output(session, fd);
  return status;
}

static int listen_on(const char* port) {
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)atoi(port));
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&address, size) != 0 || listen(fd, 16) != 0 ||
      getsockname(fd, (struct sockaddr*)&address, &size) != 0)
    return -1;
  printf("listening on 127.0.0.1 port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char** argv) {
  if (argc < 6) {
    fprintf(stderr, "usage: smtp_server PORT CERTIFICATE.pem KEY.pem USER PASSWORD [CONNECTIONS]\n");
    return 2;
  }
  sendconn_error* error = NULL;
  sendconn_tls_options tls = SENDCONN_TLS_OPTIONS_INIT;
  tls.role = SENDCONN_TLS_SERVER;
  tls.certificate_file = argv[2];
  tls.certificate_file_len = SENDCONN_NUL;
  tls.key_file = argv[3];
  tls.key_file_len = SENDCONN_NUL;
  sendconn_tls_context* context = NULL;
  user = argv[4];
  sendconn_bytes* unknown = NULL;
  if (sendconn_tls_context_new(&context, &tls, &error) != SENDCONN_OK ||
      sendconn_sasl_verifier(&verifier, argv[5], SENDCONN_NUL, 0, &error) != SENDCONN_OK ||
      sendconn_ownership_token(&unknown, &error) != SENDCONN_OK || /* 160 random bits */
      sendconn_sasl_verifier(&decoy, sendconn_bytes_data(unknown), SENDCONN_NUL, 0, &error) != SENDCONN_OK)
    return fail(error);
  sendconn_bytes_free(unknown);

  sendconn_smtp_server_options options = SENDCONN_SMTP_SERVER_OPTIONS_INIT;
  options.hostname = "server.example";
  options.hostname_len = SENDCONN_NUL;
  options.tls = context;
  options.mechanisms = SENDCONN_SASL_PLAIN | SENDCONN_SASL_LOGIN | SENDCONN_SASL_SCRAM_SHA_256;
  options.require_tls = 1;
  options.require_auth = 1;

  int listener = listen_on(argv[1]);
  if (listener < 0) {
    perror("smtp_server");
    return 1;
  }
  for (long left = argc > 6 ? atol(argv[6]) : -1; left != 0; left -= left > 0) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    sendconn_smtp_server* session = NULL;
    if (sendconn_smtp_server_new(&session, &options, sendconn_clock_monotonic(), &error) != SENDCONN_OK ||
        serve(session, fd, &error) != SENDCONN_OK) {
      fail(error);
      error = NULL;
    }
    sendconn_smtp_server_free(session);
    close(fd);
  }
  close(listener);
  sendconn_tls_context_free(context);
  sendconn_bytes_free(verifier);
  sendconn_bytes_free(decoy);
  return 0;
}
