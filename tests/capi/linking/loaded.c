/* A program that loads libraries at run time and unloads them, again and again.
 *
 *     loaded ROUNDS LIBRARY...      the one whose name has "sendconn-c" in it is set to work
 *
 * With OWN_OPENSSL it uses the OpenSSL that is linked into it before and after. Ends with 1 if something fails, or if
 * the rounds behind the first tenth take memory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/capi/linking/sign.h"

#ifdef OWN_OPENSSL
#include "tests/capi/linking/own_openssl.h"
#else
static int use_own_openssl(void) { return 0; }
#endif

enum { MAX_LIBRARIES = 4, MAX_GROWTH_KB = 2048 };

static long resident_kb(void) {
  long pages = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
  if (file != NULL) fclose(file);
  return pages * 4;
}

static int work_with(void* library) {
  struct sendconn_functions functions;
  /* As POSIX wants it: the pointer to an object becomes one to a function by its octets. */
#define FIND(name)                                   \
  do {                                               \
    void* found = dlsym(library, "sendconn_" #name); \
    if (found == NULL) return 1;                     \
    memcpy(&functions.name, &found, sizeof found);   \
  } while (0);
  SENDCONN_FOR_EACH_FUNCTION(FIND)
  return do_some_work(&functions);
}

int main(int argc, char** argv) {
  long rounds = argc > 1 ? atol(argv[1]) : 0;
  long before = 0;
  if (use_own_openssl() != 0) return 1;
  for (long round = 0; round < rounds; ++round) {
    void* libraries[MAX_LIBRARIES] = {0};
    for (int i = 2; i < argc && i - 2 < MAX_LIBRARIES; ++i) {
      libraries[i - 2] = dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL);
      if (libraries[i - 2] == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
      }
      if (strstr(argv[i], "sendconn-c") != NULL && work_with(libraries[i - 2]) != 0) return 1;
    }
    if (use_own_openssl() != 0) return 1;
    for (int i = 0; i < MAX_LIBRARIES; ++i)
      if (libraries[i] != NULL && dlclose(libraries[i]) != 0) return 1;
    if (round == rounds / 10) before = resident_kb();
  }
  long growth = resident_kb() - before;
  if (growth > MAX_GROWTH_KB) fprintf(stderr, "%ld rounds took %ld KB\n", rounds, growth);
  return growth > MAX_GROWTH_KB;
}
