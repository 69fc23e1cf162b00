/// The kernel's calls that Swift's Glibc module leaves out: those of CLinux, which nobody else imports. Thin: each answers what the call does (-1 and
/// `errno`, where nothing else is said), and blocks as it does.
public enum Kernel {}
