/// What a caller holds of an object of ours: a pointer that it cannot look into, and one count of
/// it.
enum Handle {
  /// Gives an object out.
  static func give(_ object: some AnyObject) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(object).toOpaque())
  }

  /// The object behind a handle that stays the caller's.
  ///
  /// - Precondition: `pointer` was given out for an object of this kind, and not taken back: what C
  ///   callers promise.
  static func object<Object: AnyObject>(
    _ pointer: OpaquePointer?, _ name: String, as kind: Object.Type = Object.self
  ) throws(ArgumentError) -> Object {
    let pointer = try required(pointer, name)
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  /// Takes an object back; nil for NULL.
  ///
  /// - Precondition: as ``object(_:_:as:)``.
  static func takeBack<Object: AnyObject>(
    _ pointer: OpaquePointer?, as kind: Object.Type
  ) -> Object? {
    pointer.map { Unmanaged<Object>.fromOpaque(UnsafeRawPointer($0)).takeRetainedValue() }
  }
}
