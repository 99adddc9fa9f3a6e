import RoutingTrace

/// Rows of one of llama.cpp's tables, as they are read one by one.
///
/// Rows that are in memory and plain are read one behind the other. All others are taken as lines, which
/// also says what is wrong with a row: the plain way adds nothing of a row that it leaves, so that it can
/// be read again.
protocol LlamaRows {
  /// Where their events go.
  var gatherer: ChoiceGatherer { get set }

  /// Adds a row, whatever stands in it.
  mutating func add(_ line: UnsafeRawBufferPointer) throws(ChoiceGatherer.Problem)

  /// Adds the row at `text`, which ``PlainRow/window`` readable bytes follow; returns its bytes. Where it
  /// returns nil or throws, the row is to be read by ``add(_:)``.
  mutating func addPlain(_ text: UnsafeRawPointer) throws(ChoiceGatherer.Problem) -> Int?

  /// Adds what the last rows leave open.
  mutating func finish() throws(ChoiceGatherer.Problem)
}

extension LlamaRows {
  /// All rows of `lines`, as one request, the latest line among them where it is a row.
  mutating func read(
    _ lines: LineReader, latest: UnsafeRawBufferPointer? = nil
  ) throws(ImportError) -> LoggedRequest {
    func fault(_ problem: ChoiceGatherer.Problem) -> ImportError {
      ImportError(
        .malformed, file: lines.file, line: lines.line, problem: problem.text,
        remedy: problem.remedy)
    }
    do throws(ChoiceGatherer.Problem) {
      if let latest { try add(latest) }
    } catch { throw fault(error) }
    readPlain(lines)
    while let line = try lines.next() {
      do throws(ChoiceGatherer.Problem) { try add(line) } catch { throw fault(error) }
      readPlain(lines)
    }
    do throws(ChoiceGatherer.Problem) { try finish() } catch { throw fault(error) }
    guard let request = gatherer.take() else {
      throw fault(
        ChoiceGatherer.Problem(
          text: "the table has no rows", remedy: "record it again, or leave it out"))
    }
    return request
  }

  /// Adds rows that are in memory, up to the first that is not plain or has a fault.
  private mutating func readPlain(_ lines: LineReader) {
    let text = lines.wholeLines()
    guard let start = text.baseAddress else { return }
    var (at, rows) = (0, 0)
    while at < text.count, let length = try? addPlain(start + at) {
      at &+= length
      rows &+= 1
    }
    lines.skip(bytes: at, lines: rows)
  }
}
