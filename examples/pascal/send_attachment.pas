{ Sends a file as an attachment, signed with DKIM, over authenticated TLS.

      send_attachment HOST PORT AUTHORITIES.pem USER PASSWORD KEY.pem SELECTOR FROM TO FILE }
program send_attachment;

{$mode objfpc}{$H+}

uses
  SysUtils, sendconn;

var
  Error: PSendconnError;
  Key: PSendconnKey;
  Message: PSendconnMessage;
  Mailer: PSendconnMailer;
  Report: PSendconnMailReport;
  Signature: TSendconnDkimSignature;
  Options: TSendconnMailerOptions;
  Outcome: TSendconnMailOutcome;
  Domain, Host, Authorities, User, Password, Selector: string;

procedure Check(Status: LongInt);
begin
  if Status = SENDCONN_OK then exit;
  WriteLn(StdErr, 'send_attachment: ', sendconn_error_text(Error));
  sendconn_error_free(Error);
  Halt(1);
end;

begin
  if ParamCount <> 10 then
  begin
    WriteLn(StdErr, 'usage: send_attachment HOST PORT AUTHORITIES.pem USER PASSWORD KEY.pem SELECTOR FROM TO FILE');
    Halt(2);
  end;
  Host := ParamStr(1); Authorities := ParamStr(3); User := ParamStr(4); Password := ParamStr(5);
  Selector := ParamStr(7);
  Domain := Copy(ParamStr(8), Pos('@', ParamStr(8)) + 1, MaxInt);

  Check(sendconn_key_from_file(Key, PChar(ParamStr(6)), nil, 0, Error));
  Initialize(Signature);
  Signature.domain := PChar(Domain);     Signature.domain_len := SENDCONN_NUL;
  Signature.selector := PChar(Selector); Signature.selector_len := SENDCONN_NUL;
  Signature.key := Key;

  Initialize(Options);
  Options.host := PChar(Host);                    Options.host_len := SENDCONN_NUL;
  Options.port := StrToInt(ParamStr(2));
  Options.authorities_file := PChar(Authorities); Options.authorities_file_len := SENDCONN_NUL;
  Options.user := PChar(User);                    Options.user_len := SENDCONN_NUL;
  Options.password := PChar(Password);            Options.password_len := SENDCONN_NUL;
  Options.signatures := @Signature;               Options.signature_count := 1;
  Check(sendconn_mailer_new(Mailer, Options, Error));

  Check(sendconn_message_new(Message, Error));
  Check(sendconn_message_add_address(Message, SENDCONN_MESSAGE_FROM, 'Ada', SENDCONN_NUL, PChar(ParamStr(8)),
    SENDCONN_NUL, Error));
  Check(sendconn_message_add_address(Message, SENDCONN_MESSAGE_TO, nil, 0, PChar(ParamStr(9)), SENDCONN_NUL, Error));
  Check(sendconn_message_set_subject(Message, 'A file', SENDCONN_NUL, Error));
  Check(sendconn_message_set_text(Message, 'Here it is.', SENDCONN_NUL, Error));
  Check(sendconn_message_attach_file(Message, PChar(ParamStr(10)), nil, 0, Error));

  Check(sendconn_mailer_send(Report, Mailer, Message, nil, Error));
  Initialize(Outcome);
  Check(sendconn_mail_report_get(Outcome, Report, Error));
  WriteLn(Outcome.reply_code, ' ', Outcome.reply_text);
  ExitCode := 1 - Outcome.all_accepted;

  sendconn_mail_report_free(Report);
  sendconn_message_free(Message);
  sendconn_mailer_free(Mailer);
  sendconn_key_free(Key);
end.
