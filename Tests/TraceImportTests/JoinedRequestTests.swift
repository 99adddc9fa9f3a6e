import RoutingTrace
import Testing

@testable import TraceImport

/// Files of one rank or layer each, which nothing but their rows shows to be of one request.
@Suite struct JoinedRequestTests {
  private func part(_ layers: [Int]?, _ ids: [UInt16], count: Int = 1) -> RawRequest {
    RawRequest(
      tokens: 2, prefill: 1, layers: layers.map { .numbered($0) } ?? .counted(count), topK: 1,
      ids: ids)
  }

  private func join(_ parts: RawRequest...) throws(ImportError) -> RawRequest {
    try JoinedRequest(parts, of: (0..<parts.count).map { "rank\($0)" }).request
  }

  @Test func layersStandInTheModelsOrder() throws {
    let joined = try join(part([3], [30, 31]), part([1, 7], [10, 70, 11, 71]))
    #expect(joined.layers == .numbered([1, 3, 7]))
    #expect(joined.ids == [10, 30, 70, 11, 31, 71])
  }

  @Test func layersWithoutNumbersStandInTheOrderOfTheFiles() throws {
    let joined = try join(part(nil, [1, 2, 3, 4], count: 2), part([9], [5, 6]))
    #expect(joined.layers == .counted(3))
    #expect(joined.ids == [1, 2, 5, 3, 4, 6])
  }

  @Test func weightsGoWithTheIDs() throws {
    var (one, two) = (part([2], [20, 21]), part([1], [10, 11]))
    one.weights = [0.25, 0.5]
    two.weights = [0.75, 1]
    #expect(try join(one, two).weights == [0.75, 0.25, 1, 0.5])
    two.weights = nil
    #expect(throws: ImportError.self) { try join(one, two) }
  }

  @Test func whatDiffersIsTold() {
    func problem(_ edit: (inout RawRequest) -> Void) -> String? {
      var (one, two) = (part([1], [0, 0]), part([2], [0, 0]))
      one.tokenIDs = [5, 6]
      edit(&two)
      do throws(ImportError) {
        _ = try join(one, two)
        return nil
      } catch {
        return error.problem
      }
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.tokens = 3 } == "it has 3 tokens there, but rank0 has 2")
    #expect(problem { $0.topK = 2 } == "it is top-2, but rank0 is top-1")
    #expect(problem { $0.prefill = 2 } == "its prompt has 2 tokens, but that of rank0 1")
    #expect(problem { $0.tokenIDs = [5, 7] } == "the token's id is 7, but in rank0 it is 6")
    #expect(problem { $0.layers = .numbered([1]) } == "the layer is in rank0 too")
  }
}
