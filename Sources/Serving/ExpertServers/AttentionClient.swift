import Demand

/// A GPU that keeps requests: step by step it computes attention, and asks servers for the experts
/// of every layer.
struct AttentionClient {
  /// A request under way.
  struct Request {
    let number: Int
    let arrived: Double
    /// Tokens taken so far.
    var position = 0
  }

  /// Its batch.
  var requests: [Request] = []
  /// The token of every request of the step under way.
  var tokens: [Int] = []
  var isBusy = false
  /// The MoE layer at hand.
  var layer = 0
  /// Calls of layers so far: each token and expert of one is answered before the next begins.
  var call = 0
  /// Choices of the call that nobody has answered.
  var unanswered = 0
  /// Messages whose answers are heeded.
  var open: [Int] = []
  /// Servers that did not answer in time, and have not been heard since.
  var suspects: Set<Int> = []
  /// When the step and the call began.
  var stepBegan = 0.0
  var callBegan = 0.0
  var attentionSeconds = 0.0
  var waitingSeconds = 0.0
  /// When its link out and its link in are free.
  var out = 0.0
  var into = 0.0
}

/// Tokens for experts of one layer on their way to a server, there, or as an answer on their way
/// back.
struct ServiceMessage {
  let client: Int
  let server: Int
  let layer: Int
  /// Experts within the layer, each with its tokens.
  let experts: [(expert: Int, tokens: Int)]
  /// Distinct tokens, whose activations travel.
  let rows: Int
  /// When the client loses patience, and after how many seconds.
  var due: Double
  var patience: Double
  /// Whether it, or its answer, is still on its way; else its server was lost.
  var isAlive = true
  /// Whether the answer is heeded.
  var isOpen = true

  /// Choices that it is to answer.
  var choices: Int { experts.reduce(0) { $0 + $1.tokens } }
}

/// The messages on their way, by number; numbers are used again.
struct MessageStore {
  private var messages: [ServiceMessage?] = []
  private var free: [Int] = []

  /// Messages on their way.
  var count: Int { messages.count - free.count }

  mutating func insert(_ message: ServiceMessage) -> Int {
    if let number = free.popLast() {
      messages[number] = message
      return number
    }
    messages.append(message)
    return messages.count - 1
  }

  subscript(number: Int) -> ServiceMessage? {
    get { messages[number] }
    set { messages[number] = newValue }
  }

  /// The message is at its end.
  mutating func remove(_ number: Int) -> ServiceMessage? {
    guard let message = messages[number] else { return nil }
    messages[number] = nil
    free.append(number)
    return message
  }
}
