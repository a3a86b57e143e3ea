### Pour qui vit à l’étranger.

abroad-title = Vous vivez à l’étranger
abroad-errors = Il manque le lieu des faits
abroad-lead = Le lieu des faits décide de l’unité qui vous reçoit par vidéo.
abroad-place = Où les faits ont-ils eu lieu ?
abroad-place-france = En France, ou en ligne à partir de la France
abroad-place-etranger = À l’étranger
abroad-commune = Commune des faits, s’ils ont eu lieu en France
abroad-commune-hint = Nom ou code postal. En ligne : la commune où vous étiez, ou celle de l’auteur si vous la connaissez
abroad-error-place = Dites où les faits ont eu lieu.
abroad-error-commune = Indiquez la commune des faits.
abroad-not-received = Personne ne reçoit par vidéo pour { $commune }
abroad-not-received-text = Vous pouvez porter plainte en personne dans n’importe quel commissariat ou brigade de France, ou par lettre au procureur de la République.
abroad-consulate-lead = Pour des faits à l’étranger, la police du pays est la première à pouvoir agir. Le service par vidéo ne peut pas enquêter là-bas.
abroad-there-title = Sur place
abroad-there-police = Portez plainte à la police du pays où les faits ont eu lieu, et gardez une copie.
abroad-there-urgent = En cas de danger, appelez le numéro d’urgence du pays : le 112 dans toute l’Union européenne.
abroad-there-translation = Si vous ne parlez pas la langue, demandez au consulat une liste de traducteurs et d’avocats.
abroad-consulate-title = Le consulat de France
abroad-consulate-text = Le consulat ou l’ambassade de France du pays vous dit comment porter plainte sur place, prévient vos proches si vous le voulez, et donne une liste d’avocats, de médecins et d’interprètes. Il ne reçoit pas votre plainte à la place de la police et n’enquête pas.
abroad-consulate-find = Trouver l’ambassade ou le consulat
abroad-france-title = En France
abroad-france-person = Si vous êtes français, ou si l’auteur l’est, vous pouvez aussi porter plainte en France à votre retour, dans le commissariat ou la brigade de votre choix.
abroad-france-letter = Vous pouvez écrire au procureur de la République du tribunal judiciaire de Paris, ou de votre dernier domicile en France.
abroad-video-title = Ce que la vidéo ne peut pas
abroad-video-text = L’agent ne peut ni faire de constatations à l’étranger, ni demander d’images ou de témoins là-bas, ni protéger quelqu’un hors de France. C’est pourquoi aucun créneau n’est proposé pour ces faits.
abroad-back = Les faits ont eu lieu en France
