from sendconn._client import Client as Client
from sendconn._client import send as send
from sendconn._server import Handler as Handler
from sendconn._server import Message as Message
from sendconn._server import Peer as Peer
from sendconn._server import Server as Server

__all__ = ["Client", "Handler", "Message", "Peer", "Server", "send"]
