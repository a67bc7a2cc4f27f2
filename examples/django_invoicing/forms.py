"""Forms of the supplier's desk: input that they don't accept is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.core.exceptions import BadRequest

from ..story.props import STEPS
from .models import Contact

if TYPE_CHECKING:
    from .models import Invoice

    ContactFormBase = forms.ModelForm[Contact]
else:
    ContactFormBase = forms.ModelForm

Form = TypeVar("Form", bound=forms.BaseForm)


class ReaderForm(forms.Form):
    """Chooses one of the contacts of an invoice's customer."""

    contact = forms.ModelChoiceField(Contact.objects.none())

    def __init__(self, *args: Any, invoice: Invoice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contact"] = forms.ModelChoiceField(invoice.customer.readers())


class NewContactForm(ContactFormBase):
    """A new contact of a customer."""

    class Meta:
        """The fields of the form."""

        model = Contact
        fields = ("customer", "address")


class AddressForm(ContactFormBase):
    """A contact's new address."""

    class Meta:
        """The fields of the form."""

        model = Contact
        fields = ("address",)


class ClockForm(forms.Form):
    """How far the clock moves."""

    by = forms.ChoiceField(choices=[(step, step) for step in STEPS])


def validate(form: Form) -> Form:
    """Return a valid form. Raises BadRequest, whose message repeats no input."""
    if not form.is_valid():
        raise BadRequest("Please go back, and check what you have chosen or written.")
    return form
