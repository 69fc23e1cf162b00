import StepKit

/// A repository type that has something to say about settings which are allowed and may not be meant.
protocol CautiousRepositoryType: RepositoryType {
    func warning(_ settings: Settings) throws(StepError) -> String?
}
