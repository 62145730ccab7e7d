"""Drop-in adapters: sendconn.compat.dkim for dkimpy, sendconn.compat.spf for pyspf. An application changes one import."""
