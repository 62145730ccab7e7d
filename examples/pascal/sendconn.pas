{ The part of sendconn.h that an application needs which signs and sends; the names, the rules and the manual are the
  header's. A struct is initialized by Initialize(): its size, and zero for everything else. }
unit sendconn;

{$mode objfpc}{$H+}
{$packrecords C}

interface

uses
  ctypes;

const
  SENDCONN_LIB = 'sendconn-c';
  SENDCONN_OK = 0;
  { As a length: the text ends at its NUL. }
  SENDCONN_NUL = High(csize_t);

  SENDCONN_MESSAGE_FROM = 0;
  SENDCONN_MESSAGE_TO = 3;

  SENDCONN_MAIL_ACCEPTED = 0;

type
  PSendconnError = type Pointer;
  PSendconnKey = type Pointer;
  PSendconnMessage = type Pointer;
  PSendconnMailer = type Pointer;
  PSendconnMailReport = type Pointer;

  TSendconnDkimSignature = record
    struct_size: csize_t;
    domain: PChar;
    domain_len: csize_t;
    selector: PChar;
    selector_len: csize_t;
    key: PSendconnKey;
    identity: PChar;
    identity_len: csize_t;
    expires_in: cint64;
    body_length: cuint64;
    limit_body, header, body, no_timestamp, copy_fields: cint32;
    reserved: cuint32;
  end;
  PSendconnDkimSignature = ^TSendconnDkimSignature;

  TSendconnMailerOptions = record
    struct_size: csize_t;
    host: PChar;
    host_len: csize_t;
    user: PChar;
    user_len: csize_t;
    password: PChar;
    password_len: csize_t;
    authorities_file: PChar;
    authorities_file_len: csize_t;
    hello_name: PChar;
    hello_name_len: csize_t;
    dns_servers: PChar;
    dns_servers_len: csize_t;
    signatures: PSendconnDkimSignature;
    signature_count: csize_t;
    max_message_octets, max_recipients, max_messages: cuint64;
    keep_open, connect_timeout, command_timeout, data_timeout, message_timeout, send_timeout: cuint32;
    port, reserved: cuint16;
    tls_mode, no_verify, login_without_tls, cleartext_beyond_loopback: cint32;
    mechanisms: cuint32;
  end;

  TSendconnMailOutcome = record
    struct_size: csize_t;
    reply_text: PChar;
    reply_text_len: csize_t;
    message_id: PChar;
    message_id_len: csize_t;
    tls: PChar;
    tls_len: csize_t;
    recipients: csize_t;
    reply_code, reply_class, reply_subject, reply_detail: cint32;
    all_accepted, failed_at, may_have_arrived: cint32;
    reserved: cuint32;
  end;

procedure Initialize(out signature: TSendconnDkimSignature); overload;
procedure Initialize(out options: TSendconnMailerOptions); overload;
procedure Initialize(out outcome: TSendconnMailOutcome); overload;

function sendconn_version: PChar; cdecl; external SENDCONN_LIB;
function sendconn_error_text(error: PSendconnError): PChar; cdecl; external SENDCONN_LIB;
procedure sendconn_error_free(error: PSendconnError); cdecl; external SENDCONN_LIB;

function sendconn_key_from_file(out key: PSendconnKey; path, passphrase: PChar; passphrase_len: csize_t;
  out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
procedure sendconn_key_free(key: PSendconnKey); cdecl; external SENDCONN_LIB;

function sendconn_message_new(out message: PSendconnMessage; out error: PSendconnError): cint32; cdecl;
  external SENDCONN_LIB;
function sendconn_message_add_address(message: PSendconnMessage; field: cint32; name: PChar; name_len: csize_t;
  address: PChar; address_len: csize_t; out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
function sendconn_message_set_subject(message: PSendconnMessage; subject: PChar; subject_len: csize_t;
  out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
function sendconn_message_set_text(message: PSendconnMessage; text: PChar; text_len: csize_t;
  out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
function sendconn_message_attach_file(message: PSendconnMessage; path, content_type: PChar; content_type_len: csize_t;
  out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
procedure sendconn_message_free(message: PSendconnMessage); cdecl; external SENDCONN_LIB;

function sendconn_mailer_new(out mailer: PSendconnMailer; constref options: TSendconnMailerOptions;
  out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
function sendconn_mailer_send(out report: PSendconnMailReport; mailer: PSendconnMailer; message: PSendconnMessage;
  callbacks: Pointer; out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
procedure sendconn_mailer_free(mailer: PSendconnMailer); cdecl; external SENDCONN_LIB;
function sendconn_mail_report_get(var outcome: TSendconnMailOutcome; report: PSendconnMailReport;
  out error: PSendconnError): cint32; cdecl; external SENDCONN_LIB;
procedure sendconn_mail_report_free(report: PSendconnMailReport); cdecl; external SENDCONN_LIB;

implementation

procedure Initialize(out signature: TSendconnDkimSignature);
begin
  FillChar(signature, SizeOf(signature), 0);
  signature.struct_size := SizeOf(signature);
end;

procedure Initialize(out options: TSendconnMailerOptions);
begin
  FillChar(options, SizeOf(options), 0);
  options.struct_size := SizeOf(options);
end;

procedure Initialize(out outcome: TSendconnMailOutcome);
begin
  FillChar(outcome, SizeOf(outcome), 0);
  outcome.struct_size := SizeOf(outcome);
end;

end.
