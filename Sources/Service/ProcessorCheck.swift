import CVectorShims

/// Whether this processor has the instructions that this was built for; what does not import the
/// shims asks here, before anything else.
public var isProcessorSufficient: Bool { processor_suffices() != 0 }
