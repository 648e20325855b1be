import pytest

from utrlm import alphabet
from utrlm.errors import InputError


def test_case_and_u_do_not_matter():
    spellings = ("ACGU", "acgt", "acgu", "ACGT")
    assert {bytes(alphabet.encode(letters)) for letters in spellings} == {bytes([2, 3, 4, 5])}


@pytest.mark.parametrize("letter", alphabet.AMBIGUOUS)
def test_ambiguity_codes_are_masked(letter):
    codes = alphabet.encode("A" + letter)
    assert list(codes) == [2, alphabet.MASK]
    assert alphabet.is_ambiguous(codes)


@pytest.mark.parametrize("letter", ["E", "*", "-", " ", "1", "é", "\0"])
def test_other_letters_are_errors_with_their_position(letter):
    with pytest.raises(InputError, match=r"^u7: letter .* at position 3 is no nucleotide$"):
        alphabet.encode("AC" + letter + "G", "u7")
