// HDF5's C interface (1.10), and the constants that are macros and so do not reach Swift.
#define H5_USE_110_API
#include <hdf5.h>
#include <hdf5_hl.h>

static inline hid_t chdf5_std_u8(void) { return H5T_STD_U8LE; }
static inline hid_t chdf5_std_u16(void) { return H5T_STD_U16LE; }
static inline hid_t chdf5_std_u32(void) { return H5T_STD_U32LE; }
static inline hid_t chdf5_std_u64(void) { return H5T_STD_U64LE; }
static inline hid_t chdf5_std_i64(void) { return H5T_STD_I64LE; }
static inline hid_t chdf5_ieee_f32(void) { return H5T_IEEE_F32LE; }
static inline hid_t chdf5_ieee_f64(void) { return H5T_IEEE_F64LE; }
static inline hid_t chdf5_native_u8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t chdf5_native_u16(void) { return H5T_NATIVE_UINT16; }
static inline hid_t chdf5_native_u32(void) { return H5T_NATIVE_UINT32; }
static inline hid_t chdf5_native_u64(void) { return H5T_NATIVE_UINT64; }
static inline hid_t chdf5_native_i64(void) { return H5T_NATIVE_INT64; }
static inline hid_t chdf5_native_f32(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t chdf5_native_f64(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t chdf5_string(void) { return H5T_C_S1; }
static inline hid_t chdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline unsigned chdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned chdf5_image_borrowed(void) {
  return H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE;
}
static inline hid_t chdf5_error_stack(void) { return H5E_DEFAULT; }
