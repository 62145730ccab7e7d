// SENDCONN_HIDDEN: for the insides of a public class, where they are defined.
//
// What the public headers declare is exported by libsendconn.so (a pragma around each says so), and a class that is
// nested in an exported one is exported with it: `struct SENDCONN_HIDDEN Signer::Impl {` keeps it inside. A test looks
// at what the library exports (tests/install).
#pragma once

#ifdef __ELF__
#define SENDCONN_HIDDEN __attribute__((visibility("hidden")))
#else
#define SENDCONN_HIDDEN
#endif
