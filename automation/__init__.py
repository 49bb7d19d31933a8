"""raceday: open a racecourse's servers in the morning, prove each gate, and say GO or NO-GO."""
