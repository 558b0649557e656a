"""What the actors say: RAVDESS's two sentences and a list of the Harvard sentences.

Source:
    Livingstone and Russo, PLoS ONE 13 (5), 2018; IEEE Recommended Practice for Speech Quality
    Measurements, IEEE Trans. Audio Electroacoustics 17 (3), 1969, list 1.
"""

SENTENCES = {
    "001": "Kids are talking by the door.",
    "002": "Dogs are sitting by the door.",
    "003": "The birch canoe slid on the smooth planks.",
    "004": "Glue the sheet to the dark blue background.",
    "005": "It's easy to tell the depth of a well.",
    "006": "These days a chicken leg is a rare dish.",
    "007": "Rice is often served in round bowls.",
    "008": "The juice of lemons makes fine punch.",
    "009": "The box was thrown beside the parked truck.",
    "010": "The hogs were fed chopped corn and garbage.",
    "011": "Four hours of steady work faced us.",
    "012": "A large size in stockings is hard to sell.",
}
"""Words by sentence id."""
