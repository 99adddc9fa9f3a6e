/// Logarithms and exponentials in Float32 whose bits depend neither on the C library nor on the
/// processor: only additions, multiplications, divisions and shifts, in a fixed order.
enum FloatMath {
  /// Replaces K-fold probabilities by their log odds, after drawing them into 0.0005 to 0.999.
  ///
  /// The natural logarithm's error is below 1e-5.
  static func stretch(_ values: UnsafeMutablePointer<Float>, count: Int) {
    var index = 0
    while index < count {
      let drawn = values[index] * 0.995 + 0.0005
      let p = drawn < 0.999 ? drawn : 0.999
      values[index] = log(p / (1 - p))
      index += 1
    }
  }

  /// Replaces log odds by probabilities.
  static func squash(_ values: UnsafeMutablePointer<Float>, count: Int) {
    var index = 0
    while index < count {
      values[index] = 1 / (1 + exp(-values[index]))
      index += 1
    }
  }

  /// The natural logarithm of a positive normal number.
  @inline(__always)
  static func log(_ value: Float) -> Float {
    let bits = Int32(bitPattern: value.bitPattern)
    let exponent = Float((bits &>> 23) &- 127)
    let mantissa = Float(bitPattern: UInt32(bitPattern: (bits & 0x007F_FFFF) | 0x3F80_0000))
    let t = mantissa - 1
    var q: Float = -0.026273051
    q = q * t + 0.098387614
    q = q * t - 0.184862226
    q = q * t + 0.276728332
    q = q * t - 0.442659438
    return (exponent + t * (1 + (t - 1) * q)) * 0.69314718
  }

  /// The exponential, its argument drawn into -60 to 60; relative error below 1e-6.
  @inline(__always)
  static func exp(_ value: Float) -> Float {
    let low = value > -60 ? value : -60
    let x = (low < 60 ? low : 60) * 1.44269504
    let shifter: Float = 12_582_912
    let shifted = x + shifter
    let f = x - (shifted - shifter)
    var p: Float = 0.00134004327
    p = p * f + 0.00967603736
    p = p * f + 0.0555032715
    p = p * f + 0.240221068
    p = p * f + 0.693147182
    p = p * f + 1
    let power = Int32(bitPattern: shifted.bitPattern) &<< 23
    return Float(bitPattern: UInt32(bitPattern: Int32(bitPattern: p.bitPattern) &+ power))
  }
}

/// Eight floats at a time, at any alignment.
extension UnsafePointer<Float> {
  /// The eight values from `index` on.
  @inline(__always)
  func eight(_ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<Float>.self)
  }
}

extension UnsafeMutablePointer<Float> {
  /// The eight values from `index` on.
  @inline(__always)
  func eight(_ index: Int) -> SIMD8<Float> {
    UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<Float>.self)
  }

  /// Overwrites the eight values from `index` on.
  @inline(__always)
  func put(_ value: SIMD8<Float>, _ index: Int) {
    UnsafeMutableRawPointer(self + index).storeBytes(of: value, as: SIMD8<Float>.self)
  }
}

extension SIMD8<Float> {
  /// The sum of the eight, halves first: the same order on every processor.
  @inline(__always)
  var total: Float {
    let four = lowHalf + highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }
}
