import Testing

@testable import Demand
@testable import Staging

struct CopyStoreTests {
  @Test func copiesNeverExceedTheirMemory() throws {
    var store = CopyStore(slots: 2, layers: 1, experts: 10)
    func key(_ expert: Int) -> ExpertKey { ExpertKey(layer: 0, expert: expert) }
    func copy(_ expert: Int, _ use: Int, _ value: Double) -> CopyStore.Copy {
      CopyStore.Copy(
        key: key(expert), lastUse: use, arrived: use, value: value, isFresh: true)
    }
    #expect(store.victim(.leastRecent) { $0.expert } == nil)
    store.add(copy(3, 1, 5))
    store.add(copy(7, 2, 1))
    #expect(store.victim(.leastRecent) { $0.expert }?.key.expert == 3)
    #expect(store.victim(.leastExpected) { $0.expert }?.key.expert == 7)
    #expect(store.victim(.belady) { $0.expert }?.key.expert == 7)
    store.use(key(3), at: 9)
    #expect(store.victim(.leastFrequent) { $0.expert }?.key.expert == 7)
    #expect(store.victim(.leastRecent) { $0.expert }?.key.expert == 7)
    #expect(!store.isFresh(key(3)) && store.isFresh(key(7)))
    store.remove(key(3))
    #expect(!store.holds(key(3)) && store.holds(key(7)) && store.copies.count == 1)
  }
}
