"""What the simulator is for: a property that does not hold."""


class Violation(AssertionError):
    """`rule` names the property that was broken; `facts` says what contradicts what."""

    def __init__(self, rule: str, facts: str) -> None:
        super().__init__(f"{rule}: {facts}")
        self.rule = rule
        self.facts = facts

    def __reduce__(self) -> tuple[type["Violation"], tuple[str, str]]:
        return Violation, (self.rule, self.facts)
