"""The landmark record: what is known of one film's landmarks, whoever marked them, and its files."""
