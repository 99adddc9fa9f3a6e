/* Opens libhdf5 and hands calls on to it. */
#include "CHDF5.h"

#include <dlfcn.h>

/* The text of a name, after macros: some versions' headers put a numbered function in its place. */
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

/* Where everything is in the library; all NULL until it is open. */
static struct library {
#define FORWARD(result, name, parameters, arguments) result(*name) parameters;
#define VARIABLE(name, theirs) __typeof__(theirs) *name;
#include "functions.h"
#undef FORWARD
#undef VARIABLE
} library;

#define FORWARD(result, name, parameters, arguments) \
  result name parameters { return library.name ? library.name arguments : (result)-1; }
#define VARIABLE(name, theirs) \
  hid_t name(void) { return library.H5open && library.H5open() >= 0 ? *library.name : -1; }
#include "functions.h"
#undef FORWARD
#undef VARIABLE

/* Looks all names up; the one that is missing, or NULL. */
static const char *find(void *handle, struct library *found) {
#define FORWARD(result, name, parameters, arguments) \
  if (!(*(void **)&found->name = dlsym(handle, TEXT(name)))) return TEXT(name);
#define VARIABLE(name, theirs) \
  if (!(found->name = dlsym(handle, TEXT(theirs)))) return TEXT(theirs);
#include "functions.h"
#undef FORWARD
#undef VARIABLE
  return NULL;
}

chdf5_loading chdf5_load(const char *name, char *reason, size_t size) {
  /* Local: its names are seen by nobody else. */
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *words = dlerror();
    snprintf(reason, size, "%s", words ? words : name);
    return chdf5_absent;
  }
  chdf5_loading outcome = chdf5_loaded;
  struct library found;
  const char *missing = find(handle, &found);
  if (missing) {
    snprintf(reason, size, "%s", missing);
    outcome = chdf5_incomplete;
  }
  /* Asked even where something is missing, since the version tells why. */
  herr_t (*version)(unsigned *, unsigned *, unsigned *);
  *(void **)&version = dlsym(handle, "H5get_libversion");
  unsigned major = 0, minor = 0, release = 0;
  if (version && version(&major, &minor, &release) >= 0 &&
      (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR)) {
    snprintf(reason, size, "%u.%u.%u", major, minor, release);
    outcome = chdf5_other_version;
  }
  /* A library that is used is never closed. */
  if (outcome == chdf5_loaded) library = found;
  else dlclose(handle);
  return outcome;
}
