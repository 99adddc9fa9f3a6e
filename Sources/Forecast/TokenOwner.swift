/// The request that a token belongs to, as the kernels see it.
struct TokenOwner {
  /// The request's place in the state of requests under way.
  var slot: Int32
  /// 1 + the bucket of its task's name, or 0.
  var task: Int32
  /// Whether nothing is known of the request before this token.
  var isFresh: Bool
}
