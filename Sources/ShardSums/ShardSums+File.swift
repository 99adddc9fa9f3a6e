import Archive
import DurableFile
import FoundationEssentials
import PathText
import RoutingTrace
import SystemPackage

/// Sums as NumPy archives; what stands in them is told in <doc:ShardSumsFile>.
extension ShardSums {
  /// What `encoding-type` in the member `about.json` says.
  static let encodingType = "moecast-shard-sums"
  /// The first member of the archive, which tells what the others are.
  static let about = "about.json"
  /// Bytes that a file, and all its members uncompressed, may have.
  private static let mostBytes = 4 << 30

  /// The member `about.json`.
  private struct About: Codable {
    var encodingType = ShardSums.encodingType
    var encodingVersion = 1
    var kind: Kind
    var model: String
    var modelLayers: [Int]
    var experts: Int
    var topK: Int
    var settings: [String: [String]]
    /// The names of the arrays: a zip's directory, where they stand, has no checksum.
    var arrays: [String]

    enum CodingKeys: String, CodingKey {
      case kind, model, experts, settings, arrays
      case encodingType = "encoding-type"
      case encodingVersion = "encoding-version"
      case modelLayers = "model_layers"
      case topK = "top_k"
    }
  }

  /// The bytes of the file; the same sums give the same bytes.
  ///
  /// - Throws: ``ShardSumsError`` where an array is over 2 GB.
  /// - Complexity: O(bytes of the arrays).
  public func bytes() throws(ShardSumsError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let about = About(
      kind: kind, model: shape.model, modelLayers: shape.modelLayers, experts: shape.experts,
      topK: shape.topK, settings: settings, arrays: arrays.keys.sorted())
    do {
      var members = [(name: Self.about, content: Array(try encoder.encode(about)))]
      for (name, array) in arrays.sorted(by: { $0.key < $1.key }) {
        let element = try Self.element(array.element)
        members.append(
          (
            name + ".npy",
            array.bytes.withUnsafeBytes {
              NPYArray.file(element, shape: array.shape, elements: $0)
            }
          ))
      }
      return try ZipWriter.archive(members)
    } catch let error as ArchiveError {
      throw ShardSumsError(error.problem, remedy: "cut the traces into smaller shards")
    } catch {
      throw ShardSumsError("it cannot be encoded: \(error)", remedy: ShardSumsError.again)
    }
  }

  /// The kind of element that NumPy calls `name`, of those that sums have.
  private static func element(_ name: String) throws(ArchiveError) -> NPYArray.Element {
    switch name {
    case UInt32.elementName: .unsigned(bytes: 4)
    case UInt64.elementName: .unsigned(bytes: 8)
    case Float.elementName: .float(bytes: 4)
    default: throw ArchiveError("an array of \(name) is none of sums")
    }
  }

  /// Whether the file at `path` says of itself that it holds sums; nothing but its beginning is
  /// read.
  public static func areIn(_ path: String) -> Bool {
    // A FIFO would hold up the opening, so look before.
    guard (try? FilePath(text: path).stat().type) == .regular,
      let beginning = try? firstBytes(of: FilePath(text: path), count: 4096)
    else { return false }
    // A member's name follows the 30 bytes of a zip's local header.
    return beginning.starts(with: [0x50, 0x4B, 0x03, 0x04])
      && beginning.dropFirst(30).starts(with: Array(about.utf8))
      && beginning.firstRange(of: Array(encodingType.utf8)) != nil
  }

  /// The sums in the file at `path`.
  ///
  /// - Throws: ``ShardSumsError`` naming the file, where it cannot be read, is something else, or is
  ///   damaged: every member has a CRC-32.
  /// - Complexity: O(bytes of the file).
  public init(path: String) throws(ShardSumsError) {
    let file: [UInt8]
    do throws(FileError) {
      file = try ReadableFile(FilePath(text: path), limit: Self.mostBytes).bytes()
    } catch {
      throw ShardSumsError(
        file: path, error.problem + (error.code.map { ": \($0)" } ?? ""), remedy: error.remedy)
    }
    do throws(ShardSumsError) { self = try Self.read(file) } catch { throw error.of(path) }
  }

  /// The sums in a file of these bytes.
  ///
  /// - Throws: ``ShardSumsError``.
  /// - Complexity: O(`bytes`).
  public init(bytes: [UInt8]) throws(ShardSumsError) { self = try Self.read(bytes) }

  private static func read(_ bytes: [UInt8]) throws(ShardSumsError) -> ShardSums {
    let result: Result<ShardSums, ShardSumsError> = bytes.withUnsafeBytes { bytes in
      do throws(ShardSumsError) { return .success(try read(bytes)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private static func read(_ bytes: UnsafeRawBufferPointer) throws(ShardSumsError) -> ShardSums {
    let archive: ZipArchive
    do throws(ArchiveError) { archive = try ZipArchive(bytes) } catch { throw .init(error) }
    guard archive.members.reduce(0, { $0 + $1.size }) <= mostBytes else {
      throw ShardSumsError("it unpacks to over 4 GiB", remedy: ShardSumsError.again)
    }
    var about: About?
    var arrays: [String: Stored] = [:]
    for member in archive.members {
      do throws(ArchiveError) {
        if member.name == Self.about {
          let text = try archive.content(of: member) { (content) throws(ArchiveError) in
            Array(try content.take(content.remaining))
          }
          about = try? JSONDecoder().decode(About.self, from: Data(text))
        } else if member.name.hasSuffix(".npy") {
          arrays[String(member.name.dropLast(4))] =
            try archive.content(of: member) { (content) throws(ArchiveError) in
              let array = try NPYArray(content)
              return Stored(
                element: array.element.description, shape: array.shape,
                bytes: Array(try content.take(content.remaining)))
            }
        }
      } catch {
        throw .init(error, member: member.name)
      }
    }
    guard let about, about.encodingType == encodingType else {
      throw ShardSumsError(
        "its \(Self.about) does not tell \(encodingType)",
        remedy: "name a file that --partial wrote")
    }
    guard about.encodingVersion == 1 else {
      throw ShardSumsError(
        "it is of version \(about.encodingVersion), and 1 is read",
        remedy: "use the moecast that wrote it")
    }
    guard about.arrays == arrays.keys.sorted() else {
      throw ShardSumsError(
        "its arrays are not those that its \(Self.about) names", remedy: ShardSumsError.again)
    }
    do throws(ShapeError) {
      return ShardSums(
        about.kind,
        shape: try TraceShape(
          model: about.model, modelLayers: about.modelLayers, experts: about.experts,
          topK: about.topK),
        settings: about.settings, arrays: arrays)
    } catch {
      throw ShardSumsError(error.description, remedy: ShardSumsError.again)
    }
  }
}
