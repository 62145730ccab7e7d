// SENDCONN_HIDDEN: for the insides of a public class, where they are defined.
//
// What the public headers declare is exported by libsendconn.so (a pragma around each says so), and a class that is
// nested in an exported one is exported with it: `struct SENDCONN_HIDDEN Signer::Impl {` keeps it inside. A test looks
// at what the library exports (tests/install). Clang takes the visibility of the first declaration, which stands in
// the public header, for the last word, and refuses another: a library made by it exports the insides too, to nobody's
// use.
#pragma once

#if defined(__ELF__) && !defined(__clang__)
#define SENDCONN_HIDDEN __attribute__((visibility("hidden")))
#else
#define SENDCONN_HIDDEN
#endif
