import Archive
import TestSupport
import Testing

@Suite struct NPYArrayTests {
  static let elements: [NPYArray.Element] = [
    .unsigned(bytes: 1), .unsigned(bytes: 2), .unsigned(bytes: 4), .unsigned(bytes: 8),
    .signed(bytes: 1), .signed(bytes: 2), .signed(bytes: 4), .signed(bytes: 8),
    .float(bytes: 2), .float(bytes: 4), .float(bytes: 8), .text(characters: 5), .bytes(count: 3),
  ]

  static func file(_ element: NPYArray.Element, shape: [Int]) -> [UInt8] {
    let count = shape.reduce(element.size, *)
    return (0..<count).map { UInt8($0 % 50 + 65) }.withUnsafeBytes {
      NPYArray.file(element, shape: shape, elements: $0)
    }
  }

  @Test(arguments: elements, [[], [0], [7], [2, 3], [4, 1, 5]])
  func whatIsWrittenIsRead(element: NPYArray.Element, shape: [Int]) throws {
    let bytes = Self.file(element, shape: shape)
    try bytes.withUnsafeBytes { bytes in
      let array = try NPYArray(MemberContent(bytes))
      #expect(array.element == element)
      #expect(array.shape == shape)
      #expect(array.count == shape.reduce(1, *))
      let content = try array.content.take(array.content.remaining)
      #expect(content.elementsEqual(bytes.suffix(content.count)))
      #expect((bytes.count - content.count) % 64 == 0)
    }
  }

  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func numPyReadsIt() throws {
    let folder = try TemporaryFolder()
    let values: [Int32] = [5, -1, 70_000, 4, 3, 2]
    let bytes = values.withUnsafeBytes {
      NPYArray.file(.signed(bytes: 4), shape: [3, 2], elements: $0)
    }
    let path = try folder.write(bytes, to: "a.npy")
    let printed = try Python.run(
      "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.dtype.str, a.tolist())", path)
    #expect(printed == "<i4 [[5, -1], [70000, 4], [3, 2]]\n")
  }

  /// A header that leaves anything to be guessed is refused.
  @Test(arguments: [
    ("'descr': '|u1', 'fortran_order': False, 'shape': (2,)", true),
    ("'fortran_order': False, 'shape': (2,)", false),
    ("'descr': '|u1', 'shape': (2,)", false), ("'descr': '|u1', 'fortran_order': False", false),
  ])
  func headersSayEverything(_ keys: String, isWhole: Bool) throws {
    let header = Array("{\(keys)}\n".utf8)
    let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header + [7, 8]
    bytes.withUnsafeBytes { bytes in
      var problem: String?
      do throws(ArchiveError) { _ = try NPYArray(MemberContent(bytes)) } catch {
        problem = error.problem
      }
      #expect(problem == (isWhole ? nil : "its header lacks descr, order or shape"))
    }
  }

  /// Wherever the file ends early, it is refused.
  @Test func everyCutIsNoticed() throws {
    let whole = Self.file(.unsigned(bytes: 2), shape: [2, 3])
    for length in whole.indices {
      _ = whole[..<length].withUnsafeBytes { bytes in
        #expect(throws: ArchiveError.self) { try NPYArray(MemberContent(bytes)) }
      }
    }
  }
}
