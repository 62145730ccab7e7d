/* Sends a message over SMTP with STARTTLS, one loop of poll(2), and no line of OpenSSL.
 *
 *     smtp_client HOST PORT AUTHORITIES.pem USER PASSWORD FROM TO... < message.eml
 *
 * "-" for AUTHORITIES.pem means the system's, "-" for USER no login. HOST is an address or a name; the certificate must
 * be valid for it. The message must have CRLF line ends. Exit code 0 if the server took it for every recipient. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sendconn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sending {
  sendconn_smtp_client* session;
  sendconn_smtp_envelope envelope;
  size_t refused; /* recipients */
  int done;       /* the session is over */
  int sent;       /* the server has the message */
  int content;    /* the server waits for the message */
};

static int fail(const char* what, sendconn_error* error) {
  fprintf(stderr, "smtp_client: %s%s\n", what, sendconn_error_text(error));
  sendconn_error_free(error);
  return 1;
}

static int connect_to(const char* host, const char* port) {
  struct addrinfo hints = {0}, *found = NULL;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  int fd = -1;
  for (struct addrinfo* at = found; at != NULL && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype, 0);
    if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

/* Acts on one event. */
static sendconn_status act(struct sending* to, const sendconn_smtp_event* event, int64_t now, sendconn_error** error) {
  switch (event->type) {
    case SENDCONN_SMTP_READY:
      return sendconn_smtp_client_begin(to->session, &to->envelope, now, error);
    case SENDCONN_SMTP_RECIPIENT_REPLY:
      if (event->reply_code >= 300) {
        fprintf(stderr, "%s: %d %s\n", to->envelope.recipients[event->index], event->reply_code, event->reply_text);
        ++to->refused;
      }
      return SENDCONN_OK;
    case SENDCONN_SMTP_SEND_CONTENT:
      to->content = 1;
      return SENDCONN_OK;
    case SENDCONN_SMTP_MESSAGE_DONE:
      to->sent = event->reply_code >= 200 && event->reply_code < 300;
      printf("%d %s\n", event->reply_code, event->reply_text);
      return sendconn_smtp_client_quit(to->session, now, error);
    case SENDCONN_SMTP_FAILED:
      fprintf(stderr, "smtp_client: %d %s\n", event->reply_code, event->reply_text);
      return SENDCONN_OK;
    case SENDCONN_SMTP_CLOSED:
      to->done = 1;
      return SENDCONN_OK;
    default:
      return SENDCONN_OK;
  }
}

/* What came from the socket goes through the session. */
static sendconn_status take(struct sending* to, const char* octets, size_t count, sendconn_error** error) {
  sendconn_smtp_event event = SENDCONN_SMTP_EVENT_INIT;
  sendconn_status status = SENDCONN_OK;
  size_t taken = 0;
  do {
    int64_t now = sendconn_clock_monotonic();
    while (!to->done) {
      status = sendconn_smtp_client_next_event(&event, to->session, error);
      if (status != SENDCONN_OK || event.type <= SENDCONN_SMTP_PAUSED) break;
      if ((status = act(to, &event, now, error)) != SENDCONN_OK) break;
    }
    if (status != SENDCONN_OK || to->done) return status;
    status = sendconn_smtp_client_feed(&taken, to->session, octets, count, now, error);
    if (status != SENDCONN_OK) return status;
    octets += taken;
    count -= taken;
  } while (taken != 0);
  return SENDCONN_OK;
}

/* Sends what there is to send, as far as the socket takes it; the message comes in pieces of a few KB. */
static int send_output(struct sending* to, int fd, sendconn_error** error) {
  static char piece[16384];
  for (;;) {
    const char* octets = NULL;
    size_t count = 0;
    if (sendconn_smtp_client_output(&octets, &count, to->session, error) != SENDCONN_OK) return -1;
    int64_t now = sendconn_clock_monotonic();
    if (count == 0) {
      if (!to->content) return 0;
      size_t size = fread(piece, 1, sizeof piece, stdin);
      if (size != 0 && sendconn_smtp_client_content(to->session, piece, size, now, error) != SENDCONN_OK) return -1;
      if (size == 0) {
        to->content = 0;
        if (sendconn_smtp_client_end_content(to->session, now, error) != SENDCONN_OK) return -1;
      }
      continue;
    }
    ssize_t written = send(fd, octets, count, MSG_NOSIGNAL);
    if (written < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -1;
    sendconn_smtp_client_consumed_output(to->session, (size_t)written, now);
  }
}

static int run(struct sending* to, int fd) {
  static char input[16384];
  sendconn_error* error = NULL;
  if (take(to, NULL, 0, &error) != SENDCONN_OK) return fail("", error);
  while (!to->done) {
    int more = send_output(to, fd, &error);
    if (more < 0) return fail("lost: ", error);
    int64_t deadline = sendconn_smtp_client_next_deadline(to->session);
    int64_t left = deadline == SENDCONN_NEVER ? 60000 : (deadline - sendconn_clock_monotonic()) / 1000000 + 1;
    struct pollfd wait = {fd, (short)(POLLIN | (more ? POLLOUT : 0)), 0};
    poll(&wait, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
    if (sendconn_smtp_client_on_time(to->session, sendconn_clock_monotonic(), &error) != SENDCONN_OK)
      return fail("", error);
    ssize_t count = recv(fd, input, sizeof input, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
      count = 0;
    else if (count <= 0 && sendconn_smtp_client_input_closed(to->session, &error) != SENDCONN_OK)
      return fail("", error);
    sendconn_status status = take(to, input, count > 0 ? (size_t)count : 0, &error);
    if (status == SENDCONN_ERR_TLS) { /* the session knows it; what is left to say is an alert */
      fail("", error);
      error = NULL;
      status = take(to, NULL, 0, &error);
    }
    if (status != SENDCONN_OK) return fail("", error);
  }
  send_output(to, fd, NULL);
  return to->sent && to->refused == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc < 8) {
    fprintf(stderr, "usage: smtp_client HOST PORT AUTHORITIES.pem USER PASSWORD FROM TO... < message.eml\n");
    return 2;
  }
  sendconn_error* error = NULL;
  sendconn_tls_options tls = SENDCONN_TLS_OPTIONS_INIT;
  if (strcmp(argv[3], "-") != 0) {
    tls.authorities_file = argv[3];
    tls.authorities_file_len = SENDCONN_NUL;
  }
  sendconn_tls_context* context = NULL;
  if (sendconn_tls_context_new(&context, &tls, &error) != SENDCONN_OK) return fail("", error);

  sendconn_smtp_client_options options = SENDCONN_SMTP_CLIENT_OPTIONS_INIT;
  options.hello_name = "client.example";
  options.hello_name_len = SENDCONN_NUL;
  options.server_name = argv[1];
  options.server_name_len = SENDCONN_NUL;
  options.tls = context;
  if (strcmp(argv[4], "-") != 0) {
    options.user = argv[4];
    options.user_len = SENDCONN_NUL;
    options.password = argv[5];
    options.password_len = SENDCONN_NUL;
  }

  struct sending to = {0};
  sendconn_smtp_envelope envelope = SENDCONN_SMTP_ENVELOPE_INIT;
  to.envelope = envelope;
  to.envelope.reverse_path = argv[6];
  to.envelope.reverse_path_len = SENDCONN_NUL;
  to.envelope.recipients = (const char* const*)(argv + 7);
  to.envelope.recipient_count = (size_t)(argc - 7);

  int status = 1;
  int fd = connect_to(argv[1], argv[2]);
  if (fd < 0)
    fprintf(stderr, "smtp_client: no connection to %s port %s\n", argv[1], argv[2]);
  else if (sendconn_smtp_client_new(&to.session, &options, sendconn_clock_monotonic(), &error) != SENDCONN_OK)
    fail("", error);
  else
    status = run(&to, fd);
  if (fd >= 0) close(fd);
  sendconn_smtp_client_free(to.session);
  sendconn_tls_context_free(context);
  return status;
}
