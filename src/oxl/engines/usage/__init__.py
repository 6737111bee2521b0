"""From a usage record to its price: guiding, rating and what follows when a record is corrected."""
