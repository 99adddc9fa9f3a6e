import TestSupport
import Testing

@testable import Placement

@Suite struct IntrosortTests {
  /// The order of a C++ library's own sort, where clang++ is there with libstdc++.
  @Test(.enabled(if: isClangThere, "clang++ is absent"))
  func leavesEqualItemsAsStdSort() throws {
    let folder = try TemporaryFolder()
    let cases = Self.cases
    let source = try folder.write(Array(Self.reference.utf8), to: "sort.cpp")
    try run("clang++", "-std=c++17", "-O1", "-o", folder.file("sort"), source)
    let text = cases.map { "\($0.count) " + $0.map(String.init).joined(separator: " ") + "\n" }
    let input = try folder.write(Array(text.joined().utf8), to: "cases")
    let lines = try run(folder.file("sort"), input).split(separator: "\n")
    try #require(lines.count == cases.count)
    for (weights, line) in zip(cases, lines) {
      let order = Introsort.descending(weights.map { Float($0) })
      #expect(
        order == line.split(separator: " ").compactMap { Int($0) }, "\(weights.count) weights")
    }
  }

  /// Up to 16 items the sort is stable; above, equal ones change places. The second order is the one
  /// that PyTorch 2.13 gave, in `torch.zeros(18).sort(descending=True)`.
  @Test func equalItemsKeepTheirOrderUpTo16() {
    #expect(Introsort.descending(Array(repeating: 1, count: 16)) == Array(0..<16))
    #expect(
      Introsort.descending(Array(repeating: 0, count: 18))
        == [9, 17, 16, 15, 14, 13, 12, 11, 10, 0, 8, 7, 6, 5, 4, 3, 2, 1])
    #expect(Introsort.descending([]) == [])
  }

  /// Weights drawn of few values, so that many are equal, and rows that drive quicksort into its
  /// worst case, where heapsort takes over.
  private static var cases: [[Int]] {
    var random = SplitMix64(seed: 1)
    var cases = (0..<3000).map { _ in
      let values = [1, 2, 3, 8, 1000].randomElement(using: &random) ?? 1
      return (0..<Int.random(in: 1...400, using: &random)).map { _ in
        Int.random(in: 0..<values, using: &random)
      }
    }
    for size in [200, 500, 2000] {
      cases.append(worst(of: size))
      // The same with equal weights among them.
      cases.append(worst(of: size).map { $0 / 2 })
    }
    return cases
  }

  /// The row of D. Musser (1997) on which quicksort around a median of three takes square time.
  private static func worst(of size: Int) -> [Int] {
    let half = size / 2
    var row = Array(0..<size)
    for place in 0..<half {
      row[place] = place % 2 == 0 ? place : half + place - (half % 2 == 0 ? 0 : 1)
      row[half + place] = 2 * place + 1
    }
    return row.map { size * 2 - $0 }
  }

  private static let isClangThere = (try? run("clang++", "--version")) != nil

  private static let reference = """
    #include <algorithm>
    #include <cstdio>
    #include <vector>
    struct Item { float weight; int place; };
    int main(int, char **names) {
      std::FILE *file = std::fopen(names[1], "r");
      for (int count; std::fscanf(file, "%d", &count) == 1;) {
        std::vector<Item> items(count);
        for (int place = 0; place < count; ++place) {
          if (std::fscanf(file, "%f", &items[place].weight) != 1) return 1;
          items[place].place = place;
        }
        std::sort(items.begin(), items.end(),
                  [](const Item &a, const Item &b) { return a.weight > b.weight; });
        for (const Item &item : items) std::printf("%d ", item.place);
        std::puts("");
      }
    }
    """
}
