/* HDF5's C interface (1.10) without its library: that is opened by chdf5_load, where a file of it is
 * first read or written. So a program, or a shared library, that reads no such file needs no libhdf5.
 *
 * Each function of HDF5 that is called here is defined here, under its own name, and hands the call on
 * (functions.h). The names are hidden, so that they stand in nobody's way who has a libhdf5 of his own
 * in the same process, such as Python's h5py.
 */
#ifndef CHDF5_H
#define CHDF5_H

/* All that HDF5's headers include of the system's, so that none of it is hidden below. */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define H5_USE_110_API
#if __has_include(<hdf5.h>)
#include <H5api_adpt.h>
#else /* where Debian keeps the headers of the serial library */
#include <hdf5/serial/H5api_adpt.h>
#endif

/* HDF5 marks its functions as visible; these are not. */
#undef H5_DLL
#define H5_DLL
#undef H5_DLLVAR
#define H5_DLLVAR extern
#pragma GCC visibility push(hidden)
#if __has_include(<hdf5.h>)
#include <hdf5.h>
#include <hdf5_hl.h>
#else
#include <hdf5/serial/hdf5.h>
#include <hdf5/serial/hdf5_hl.h>
#endif
/* Flags call the library before they have their values; here it has been opened by then. */
#undef H5CHECK
#define H5CHECK
#undef H5OPEN
#define H5OPEN

/* What became of an attempt to open libhdf5. */
typedef enum chdf5_loading {
  /* It is open; its functions may be called. */
  chdf5_loaded,
  /* There is no such library. */
  chdf5_absent,
  /* It is not of the version of these headers. */
  chdf5_other_version,
  /* It lacks a function or a type. */
  chdf5_incomplete,
} chdf5_loading;

/* Opens the high-level library of this name, which brings the other one along. Until one is open, every
 * function of HDF5 fails. One thread at a time, as every call of HDF5.
 *   reason  [size] out: what is missing in it, its version, or the linker's own words */
chdf5_loading chdf5_load(const char *name, char *reason, size_t size);

/* The version that these headers are of, such as 1.10. */
#define chdf5_text_of(number) #number
#define chdf5_text(number) chdf5_text_of(number)
static inline const char *chdf5_version(void) {
  return chdf5_text(H5_VERS_MAJOR) "." chdf5_text(H5_VERS_MINOR);
}

/* HDF5's own identifiers, which are variables of the library, and macros that do not reach Swift. The
 * identifiers are invalid until the library is open. */
hid_t chdf5_std_u8(void);
hid_t chdf5_std_u16(void);
hid_t chdf5_std_u32(void);
hid_t chdf5_std_u64(void);
hid_t chdf5_std_i64(void);
hid_t chdf5_ieee_f32(void);
hid_t chdf5_ieee_f64(void);
hid_t chdf5_native_u8(void);
hid_t chdf5_native_u16(void);
hid_t chdf5_native_u32(void);
hid_t chdf5_native_u64(void);
hid_t chdf5_native_i64(void);
hid_t chdf5_native_f32(void);
hid_t chdf5_native_f64(void);
hid_t chdf5_string(void);
hid_t chdf5_file_access(void);
hid_t chdf5_file_create(void);
hid_t chdf5_group_create(void);
hid_t chdf5_dataset_create(void);

static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline unsigned chdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned chdf5_image_borrowed(void) {
  return H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE;
}
static inline hid_t chdf5_error_stack(void) { return H5E_DEFAULT; }

#pragma GCC visibility pop
#endif
