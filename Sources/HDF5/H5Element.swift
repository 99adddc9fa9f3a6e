import CHDF5

/// A number that datasets and attributes hold, stored little-endian with a fixed width. Integers
/// and floats of the standard library conform; nothing else need.
public protocol H5Element: BitwiseCopyable, Sendable, Equatable {
  /// The number's type, in the file and in memory.
  static var elementType: H5ElementType { get }
  /// The value of memory that is about to be read into.
  static var zero: Self { get }
}

/// The number types that files hold.
public enum H5ElementType: String, CaseIterable, Sendable {
  /// Unsigned and signed integers and IEEE floats, by their width in bits.
  case uint8, uint16, uint32, uint64, int64, float32, float64

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .uint8: 1
    case .uint16: 2
    case .uint32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }

  /// Only inside the library's lock: the first use initialises HDF5's types.
  var stored: hid_t {
    switch self {
    case .uint8: chdf5_std_u8()
    case .uint16: chdf5_std_u16()
    case .uint32: chdf5_std_u32()
    case .uint64: chdf5_std_u64()
    case .int64: chdf5_std_i64()
    case .float32: chdf5_ieee_f32()
    case .float64: chdf5_ieee_f64()
    }
  }

  /// Only inside the library's lock.
  var native: hid_t {
    switch self {
    case .uint8: chdf5_native_u8()
    case .uint16: chdf5_native_u16()
    case .uint32: chdf5_native_u32()
    case .uint64: chdf5_native_u64()
    case .int64: chdf5_native_i64()
    case .float32: chdf5_native_f32()
    case .float64: chdf5_native_f64()
    }
  }
}

extension UInt8: H5Element { public static var elementType: H5ElementType { .uint8 } }
extension UInt16: H5Element { public static var elementType: H5ElementType { .uint16 } }
extension UInt32: H5Element { public static var elementType: H5ElementType { .uint32 } }
extension UInt64: H5Element { public static var elementType: H5ElementType { .uint64 } }
extension Int64: H5Element { public static var elementType: H5ElementType { .int64 } }
extension Float: H5Element { public static var elementType: H5ElementType { .float32 } }
extension Double: H5Element { public static var elementType: H5ElementType { .float64 } }
