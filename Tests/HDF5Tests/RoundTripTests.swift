import HDF5
import Testing

@Suite struct RoundTripTests {
  @Test func numbersOfEveryTypeComeBack() throws {
    func check<Value: H5Element>(_ values: [Value]) throws {
      let file = try H5File()
      try file.root.create("values", values, shape: [values.count])
      try file.root.set("first", to: values[0])
      try file.root.set("all", to: values)
      let back = try H5File(bytes: file.bytes())
      let dataset = try back.root.dataset("values")
      #expect(dataset.elementType == Value.elementType)
      #expect(try dataset.read(Value.self, shape: [values.count]) == values)
      #expect(try back.root.number("first", as: Value.self) == values[0])
      #expect(try back.root.numbers("all", as: Value.self) == values)
    }
    try check([0, 1, UInt8.max])
    try check([7, 1, UInt16.max])
    try check([7, 1, UInt32.max])
    try check([7, 1, UInt64.max])
    try check([Int64.min, -1, 0, Int64.max])
    try check([Float(0.1), -Float.infinity, Float.leastNonzeroMagnitude])
    try check([0.1, -Double.infinity, Double.leastNonzeroMagnitude, 2e300])
  }

  @Test(arguments: [
    H5Layout.contiguous, .chunked([2, 3, 4, 5], compressed: false),
    .chunked([2, 3, 4, 5], compressed: true), .chunked([1, 1, 1, 1], compressed: true),
    .rows(of: [3, 4, 5, 6], elementSize: 4, bytes: 256),
  ])
  func fourAxesInEveryLayout(layout: H5Layout) throws {
    let values = (0..<3 * 4 * 5 * 6).map { UInt32($0 * $0) }
    let file = try H5File()
    try file.root.create("values", values, shape: [3, 4, 5, 6], layout: layout)
    let back = try H5File(bytes: file.bytes())
    #expect(try back.root.dataset("values").read(UInt32.self) == values)
  }

  @Test func groupsStringsAndNames() throws {
    let file = try H5File()
    let group = try file.root.createGroup("token-markov")
    try group.createGroup("rows")
    try group.set("description", to: "zählt Übergänge")
    try group.set("empty", to: "")
    try group.create("names", ["prefill", "", "décode"])
    try group.create("none", [String]())
    try group.create("nothing", [UInt32](), shape: [0, 5])
    try group.set("no-numbers", to: [Double]())
    let back = try H5File(bytes: file.bytes())
    let read = try back.root.group("token-markov")
    #expect(try read.names() == ["names", "none", "nothing", "rows"])
    #expect(try read.string("description") == "zählt Übergänge")
    #expect(try read.string("empty") == "")
    #expect(try read.dataset("names").readStrings() == ["prefill", "", "décode"])
    #expect(try read.dataset("none").readStrings() == [])
    #expect(try read.dataset("nothing").read(UInt32.self) == [])
    #expect(try read.dataset("nothing").shape == [0, 5])
    #expect(try read.numbers("no-numbers", as: Double.self) == [])
    #expect(try read.group("rows").names() == [])
  }

  @Test func sameContentSameBytes() throws {
    #expect(try sample() == sample())
  }

  @Test func objectsOutliveTheirFile() throws {
    func dataset() throws -> H5Dataset {
      let file = try H5File(bytes: sample())
      return try file.root.group("layer").dataset("counts")
    }
    #expect(try dataset().read(UInt32.self).count == 24)
  }

  @Test func manyThreadsAtOnce() async throws {
    let expected = try sample()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 { group.addTask { try sample() == expected } }
      for try await same in group { #expect(same) }
    }
  }
}

/// A file with every kind of object in it.
func sample() throws -> [UInt8] {
  let file = try H5File()
  try file.root.set("encoding-type", to: "sample")
  try file.root.set("version", to: UInt32(1))
  let group = try file.root.createGroup("layer")
  let axis = try group.create("expert", [0, 1, 2] as [UInt16], shape: [3])
  try axis.makeScale("expert")
  let counts = try group.create(
    "counts", (0..<24).map { UInt32($0) }, shape: [8, 3],
    layout: .chunked([4, 3], compressed: true))
  try counts.attach(axis, toAxis: 1)
  let more = try group.create("sums", [0.5, 1.5, 2.5], shape: [3])
  try more.attach(axis, toAxis: 0)
  try group.create("names", ["a", "bc"])
  return try file.bytes()
}
