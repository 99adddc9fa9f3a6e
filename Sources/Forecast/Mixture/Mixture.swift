import Counting
import Dispatch
import RoutingTrace

/// The best forecast that ids alone allow: many parts, each a forecast of its own, weighed against
/// each other as the stream goes by (<doc:Mixture>).
///
/// ```swift
/// var mixture = Mixture(shape: shape, options: MixtureOptions(parts: .fast))
/// var book = RequestBook()
/// while let chunk = try stream.next() {
///   mixture.process(book.resolve(chunk.block), workers: 2) { event, probabilities in
///     // The forecast of `event`, before it is learnt: one probability an expert.
///   }
/// }
/// ```
///
/// Every part gives each expert a probability of being among the K chosen. The mixture adds their
/// log odds with learnt weights, adds a logistic regression on earlier choices that learns what
/// they leave over, and squashes the sum. Counts and paths are integers, weights are Float32 in a
/// fixed order: the result does not depend on the number of workers, nor on the processor.
///
/// Forecasts of a request that is being routed come from a ``MixtureSession``.
public struct Mixture: Hashable, Sendable {
  /// Tokens whose paths are searched ahead of the layers.
  private static let step = 64

  /// The shape of the model whose routing is forecast.
  public let shape: TraceShape
  /// The parts in use and the hyperparameters.
  public let options: MixtureOptions
  /// The stored paths; nil where no part searches them.
  var paths: PathMemory?
  /// What was learnt, one a MoE layer.
  var layers: [MixtureLayer]

  /// A mixture that has learnt nothing. Tables are allocated at once, as large as
  /// ``bytes(shape:options:)`` says.
  ///
  /// - Complexity: O(``bytes(shape:options:)``).
  public init(shape: TraceShape, options: MixtureOptions = MixtureOptions()) {
    self.shape = shape
    self.options = options
    paths =
      options.parts.isDisjoint(with: .paths)
      ? nil : PathMemory(shape: shape, capacity: options.storedPaths)
    // Every layer is made by itself: an empty layer made once would be copied by each at its first
    // write, and stay in memory beside them.
    layers = (0..<shape.layers).map { _ in MixtureLayer(shape: shape, options: options) }
  }

  /// Bytes of memory that a mixture takes, its work on a block included. Requests under way come on
  /// top: of each part `request` or `recent`, 4 bytes an expert and layer.
  public static func bytes(shape: TraceShape, options: MixtureOptions) -> Int {
    let layers = shape.layers * MixtureLayer.bytes(shape: shape, options: options)
    guard !options.parts.isDisjoint(with: .paths) else { return layers }
    let lanes = (shape.experts + 7) / 8 * 8
    return layers + PathMemory.bytes(shape: shape, capacity: options.storedPaths)
      + PathSearch.bytes(shape: shape)
      + 2 * PathVotes.bytes(layers: shape.layers, tokens: step, lanes: lanes)
  }

  /// Bytes of the largest of the columns by which a mixture is written and read: all layers of its
  /// largest table, or all stored paths.
  public static func largestColumn(shape: TraceShape, options: MixtureOptions) -> Int {
    let table = shape.layers * MixtureLayer.largestTable(shape: shape, options: options)
    guard !options.parts.isDisjoint(with: .paths) else { return table }
    return max(table, PathMemory.bytes(shape: shape, capacity: options.storedPaths))
  }

  /// Forecasts every event of `block` in order and, if `learns`, learns it afterwards.
  ///
  /// - Parameters:
  ///   - block: the tokens to forecast, from the `Counting/RequestBook` that resolved all blocks
  ///     before.
  ///   - learns: whether events are learnt; what is kept of requests under way goes on either way.
  ///   - workers: threads to use; they change no result.
  ///   - score: called with every event and the probabilities of its layer's experts, in the order
  ///     of the tokens within a layer; with several workers, several layers at a time.
  /// - Complexity: O(T L E P) for T tokens, L layers and P parts, and the rows that they look at.
  ///   Parts that search paths read `K S / 64` words of bitmaps a token in each of the first two
  ///   layers, for S stored tokens, and compare with at most 576 of these in the others.
  public mutating func process(
    _ block: EventBlock, learns: Bool = true, workers: Int = 1,
    score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    precondition(block.shape.isCompatible(with: shape))
    reserve(places: block.places)
    let starts = Array(stride(from: 0, to: block.tokens, by: Self.step))
    let ranges = starts.map { $0..<min($0 + Self.step, block.tokens) }
    guard let first = ranges.first, let search = takeSearch() else {
      if block.tokens > 0 {
        run(block, 0..<block.tokens, nil, learns, workers, beside: nil, score)
      }
      return
    }
    let lanes = layers[0].lanes
    let votes = [0, 1].map { _ in
      PathVotes(layers: shape.layers, tokens: Self.step, lanes: lanes)
    }
    search.search(block, range: first, into: votes[0], learns: learns)
    for index in ranges.indices {
      // Only the one task that searches ahead touches the search, its memory and these votes.
      nonisolated(unsafe) let ahead = votes[(index + 1) & 1]
      nonisolated(unsafe) let search = search
      var beside: (@Sendable () -> Void)?
      if index + 1 < ranges.count {
        let range = ranges[index + 1]
        beside = {
          search.search(block, range: range, into: ahead, learns: learns)
        }
      }
      run(block, ranges[index], votes[index & 1], learns, workers, beside: beside, score)
    }
    paths = search.takeMemory()
  }

  /// Makes room for the state of requests at `places` places.
  mutating func reserve(places: Int) {
    for layer in layers.indices { layers[layer].histories.reserve(places: places) }
    paths?.reserve(places: places)
  }

  /// A search that has the paths until they are taken back: whoever kept them too would make it
  /// copy them.
  private mutating func takeSearch() -> PathSearch? {
    guard let memory = paths.take() else { return nil }
    return PathSearch(memory: memory, options: options)
  }

  /// Runs the layers over the tokens of `range`, and `beside` at the same time.
  private mutating func run(
    _ block: EventBlock, _ range: Range<Int>, _ votes: PathVotes?,
    _ learns: Bool, _ workers: Int, beside: (@Sendable () -> Void)?,
    _ score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    let options = options
    let extra = beside == nil ? 0 : 1
    layers.withUnsafeMutableBufferPointer { layers in
      // Each task touches its own layer only.
      nonisolated(unsafe) let layers = layers
      nonisolated(unsafe) let votes = votes
      @Sendable func task(_ index: Int) {
        if index < extra {
          beside?()
          return
        }
        let layer = index - extra
        block.withLayer(layer) { view in
          layers[layer].process(
            view, range: range, owners: block.owners, votes: votes, options: options,
            learns: learns,
            score: score)
        }
      }
      if workers > 1 {
        DispatchQueue.concurrentPerform(iterations: layers.count + extra, execute: task)
      } else {
        for index in 0..<layers.count + extra { task(index) }
      }
    }
  }
}
