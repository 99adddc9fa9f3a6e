import ArgumentParser
import LoadProfile
import Placement
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

@Suite struct PlaceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [
    ("--algorithm luck", "--algorithm 'luck' is none of contiguous, round-robin, eplb, remap"),
    ("--algorithm worst", "--algorithm 'worst' is none of"),
    ("--gpus 0", "--gpus and --nodes are from 1 to 4,096"),
    ("--batch 0", "--batch '0' is none of whole numbers from 1"),
    ("--steps 0", "--steps is from 1"), ("--every 0", "--every and --groups are at least 1"),
    ("--window 5-3", "--window '5-3' is not A-B"), ("--window 5", "--window '5' is not A-B"),
    ("--share 1", "--share is a number between 0 and 1"),
    ("--share .5 --in-sample", "--share would do nothing: requests are not cut"),
    ("--judge other.moe.lz4 --in-sample", "give --judge or --in-sample, not both"),
    ("--redundant 8 --algorithm remap", "--redundant would do nothing: remap places every expert"),
    ("--groups 8 --algorithm remap", "--groups would do nothing: it is for eplb"),
    ("--tolerance .2 --algorithm eplb", "--tolerance would do nothing: it is for separation"),
    ("--copies nearest", "--copies would do nothing: without --redundant"),
    ("--every 4 --traffic", "--traffic would do nothing: --every serves all tokens"),
    ("--every 4 --draws 3", "--draws would do nothing: --every serves all tokens"),
    ("--csv --traffic", "--traffic would do nothing: CSV has no place"),
    ("--dispatch-bytes 65", "--dispatch-bytes and --combine-bytes are from 0 to 64"),
    ("-o out.json", "-o writes one placement; name one --algorithm"),
    ("-o out.txt --algorithm eplb", "the suffix of out.txt is no format's; give --to one of"),
    ("-o out.json --algorithm eplb --to luck", "--to 'luck' is none of"),
    ("--to sglang-json", "--to would do nothing: nothing is written without -o"),
    ("--force", "--force would do nothing: nothing is written without -o"),
    ("--every 4 -o a.json --algorithm eplb", "-o would do nothing: with --every there is no one"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    expectWrongUse(
      ["place", "trace.moe.lz4"] + options.split(separator: " ").map(String.init), message)
  }

  /// What it says of input that it cannot place from.
  private func complaint(_ arguments: [String]) -> String {
    do {
      try moecastRun(["place"] + arguments)
      return ""
    } catch { return Moecast.message(for: error) }
  }

  @Test func inputThatDoesNotFitIsNamed() throws {
    let trace = try folder.randomTrace("tiny-moe")
    func profile(_ name: String, layers: [Int], experts: Int, counts: [UInt64]) throws -> String {
      let profile = try LoadProfile(
        model: "tiny-moe", layers: layers, experts: experts, topK: 2, counts: counts)
      return try folder.write(try profile.bytes(), to: name)
    }
    let other = try profile(
      "other.h5", layers: [0, 1], experts: 4, counts: [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(complaint([other, "--judge", trace]).contains("give both of one model"))
    #expect(complaint([trace, other]).contains("give traces, one load profile, or one model"))
    #expect(complaint([other, "--from", "decode"]).contains("it is for tokens of traces"))
    let empty = try profile(
      "empty.h5", layers: Array(0..<12), experts: 64, counts: Array(repeating: 0, count: 768))
    #expect(
      complaint([empty, "--shape", "tiny-moe"]).contains("top-2 of 64 experts, but tiny-moe"))
    #expect(complaint([empty, "--judge", trace]).contains("no expert of layer 0 was chosen"))
    #expect(complaint([trace, "--window", "9000-9001"]).contains("holds no tokens to place from"))
    #expect(complaint([trace, "--task", "poetry"]).contains("no request is of the task 'poetry'"))
    #expect(complaint([trace, "--gpus", "7"]).contains("are not shared evenly by 7 GPUs"))
    #expect(complaint([trace, "--gpus", "8", "--nodes", "3"]).contains("by 3 nodes"))
    #expect(
      complaint([trace, "--wafer", "nvlink-8", "--gpus", "4"]).contains("has 8 GPUs, not 4"))
    #expect(
      complaint([trace, "--gpus", "8", "--set", "hbm_capacity_bytes=1e6"]).contains(
        "8 experts a GPU in each of 12 layers take"))
    #expect(
      complaint([trace, "--every", "100000", "--batch", "1"]).contains("nothing is placed anew"))
    #expect(complaint([trace, "--shape", "mixtral-8x7b"]).contains("name their shape (--shape)"))
  }
}
