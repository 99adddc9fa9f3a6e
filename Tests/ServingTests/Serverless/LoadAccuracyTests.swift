import Testing

@testable import Serving

struct LoadAccuracyTests {
  @Test func aForecastIsRightByTheRequestsItHasInTheirPlace() {
    var accuracy = LoadAccuracy()
    #expect(accuracy.rightShare == nil)
    // Scaled to 8: 4, 4, 0, 0 against 6, 1, 1, 0.
    accuracy.add([1, 1, 0, 0], [6, 1, 1, 0])
    #expect(accuracy.rightShare == 5.0 / 8)
    // Twice the mean of 2: one was, two were told.
    #expect(accuracy.overloadsFound == 1 && accuracy.overloadsTrue == 0.5)
    accuracy.add([0, 0, 0, 0], [4, 0, 0, 0])
    #expect(accuracy.rightShare == 5.0 / 12, "who expects nothing is wrong of all")
    #expect(accuracy.forecasts == 2)
  }
}
