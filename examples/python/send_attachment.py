# Sends a file as an attachment over authenticated TLS, with a DKIM signature.
import email.message
import sys
from pathlib import Path

import sendconn
from sendconn import dkim


def main(host, port, user, password_file, authorities, key_file, file):
    key = dkim.PrivateKey.from_pem(Path(key_file).read_text())
    mailer = sendconn.Mailer(
        host,
        int(port),
        user=user,
        password=Path(password_file).read_text(),
        authorities_file=authorities,
        signatures=[dkim.Signature(domain="sender.example", selector="s1", key=key)],
    )

    message = email.message.EmailMessage()
    message["From"] = "Ada Lovelace <ada@sender.example>"
    message["To"] = "Bob <bob@elsewhere.example>"
    message["Subject"] = "Die Übersicht für März"
    message.set_content("Hello Bob,\n\nthe overview is attached.\n")
    message.add_attachment(Path(file).read_bytes(), maintype="application", subtype="pdf", filename="Übersicht.pdf")

    report = mailer.send(message)
    for one in report.recipients:
        print(f"{one.recipient}: {one.reply}")
    return 0 if report.all_accepted else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))  # HOST PORT USER PASSWORD-FILE CA-FILE KEY-FILE FILE
