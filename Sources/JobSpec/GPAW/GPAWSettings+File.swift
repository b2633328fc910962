import YAMLDocument

extension GPAWSettings {
    /// - Precondition: the node has passed ``schema``.
    init(_ node: YAMLNode) {
        self.init()
        spin = node["spin"].flatMap(Spin.init)
        occupations = node["occupations"].map(Occupations.init)
        nbands = node["nbands"]?.text
        mixer = node["mixer"].map(Mixer.init)
        eigensolver = node["eigensolver"].flatMap { value in
            (value.text ?? value["name"]?.text).map { Eigensolver(name: $0, niter: value["niter"]?.integer) }
        }
        maxiter = node["maxiter"]?.integer
        convergence = node["convergence"].map(Convergence.init)
        poissonsolver = node["poissonsolver"].map(PoissonSolver.init)
        setups = node["setups"].map { value in
            value.text.map { ["default": $0] } ?? value.dictionary { $0.text }
        }
        symmetry = node["symmetry"]?.text.map { $0 == "on" }
        parallel = node["parallel"].map(Parallel.init)
        dispersion = node["dispersion"]?.text.flatMap(Dispersion.init)
        kpts = node["kpts"].flatMap { value in
            value.elements.map { KPoints(size: $0.compactMap(\.integer)) }
                ?? value["density"]?.number.map {
                    KPoints(density: $0, gamma: value["gamma"]?.boolean ?? true)
                }
        }
    }

    /// As a job file says it, on one line.
    var text: String {
        let pairs: [(String, String?)] = [
            ("spin", spin?.text), ("occupations", occupations?.text),
            ("nbands", nbands.map { Int($0) == nil ? YAMLScalar.text($0) : $0 }), ("mixer", mixer?.text),
            ("eigensolver", eigensolver?.text), ("maxiter", maxiter?.description),
            ("convergence", convergence?.text), ("poissonsolver", poissonsolver?.text),
            (
                "setups",
                setups.map { Self.mapping($0.map { ($0, YAMLScalar.text($1)) }.sorted { $0.0 < $1.0 }) }
            ),
            ("symmetry", symmetry.map { $0 ? "\"on\"" : "\"off\"" }), ("parallel", parallel?.text),
            ("dispersion", dispersion?.rawValue), ("kpts", kpts?.text),
        ]
        return Self.mapping(pairs)
    }

    fileprivate static func mapping(_ pairs: [(String, String?)]) -> String {
        let written = pairs.compactMap { key, value in value.map { "\(YAMLScalar.text(key)): \($0)" } }
        return "{\(written.joined(separator: ", "))}"
    }
}

extension GPAWSettings.Spin {
    fileprivate init?(_ node: YAMLNode) {
        if let multiplicity = node["multiplicity"]?.integer {
            self = .multiplicity(multiplicity)
        } else if let moments = node["moments"]?.elements {
            self = .moments(moments.compactMap(\.number))
        } else if let moments = node["moments"] {
            self = .elementMoments(moments.dictionary { $0.number })
        } else if node["hund"]?.boolean == true {
            self = .hund
        } else {
            return nil
        }
    }

    fileprivate var text: String {
        switch self {
        case .multiplicity(let multiplicity): "{multiplicity: \(multiplicity)}"
        case .moments(let moments):
            "{moments: [\(moments.map(YAMLScalar.number).joined(separator: ", "))]}"
        case .elementMoments(let moments):
            "{moments: \(GPAWSettings.mapping(moments.map { ($0, YAMLScalar.number($1)) }.sorted { $0.0 < $1.0 }))}"
        case .hund: "{hund: true}"
        }
    }
}

extension GPAWSettings.Occupations {
    fileprivate init(_ node: YAMLNode) {
        self.init()
        kind = node["kind"]?.text.flatMap(Kind.init) ?? kind
        width = node["width"]?.number
        order = node["order"]?.integer
        fixedMoment = node["fixed_moment"]?.boolean
    }

    fileprivate var text: String {
        GPAWSettings.mapping([
            ("kind", kind.rawValue), ("width", width.map(YAMLScalar.number)), ("order", order?.description),
            ("fixed_moment", fixedMoment?.description),
        ])
    }
}

extension GPAWSettings.Mixer {
    fileprivate init(_ node: YAMLNode) {
        backend = node["backend"]?.text
        method = node["method"]?.text
        beta = node["beta"]?.number
        nmaxold = node["nmaxold"]?.integer
        weight = node["weight"]?.number
    }

    fileprivate var text: String {
        GPAWSettings.mapping([
            ("backend", backend), ("method", method), ("beta", beta.map(YAMLScalar.number)),
            ("nmaxold", nmaxold?.description), ("weight", weight.map(YAMLScalar.number)),
        ])
    }
}

extension GPAWSettings.Eigensolver {
    fileprivate var text: String { GPAWSettings.mapping([("name", name), ("niter", niter?.description)]) }
}

extension GPAWSettings.Convergence {
    fileprivate init(_ node: YAMLNode) {
        energy = node["energy"]?.number
        density = node["density"]?.number
        eigenstates = node["eigenstates"]?.number
        forces = node["forces"]?.number
        bands = node["bands"]?.integer
    }

    fileprivate var text: String {
        GPAWSettings.mapping([
            ("energy", energy.map(YAMLScalar.number)), ("density", density.map(YAMLScalar.number)),
            ("eigenstates", eigenstates.map(YAMLScalar.number)), ("forces", forces.map(YAMLScalar.number)),
            ("bands", bands?.description),
        ])
    }
}

extension GPAWSettings.PoissonSolver {
    fileprivate init(_ node: YAMLNode) {
        name = node["name"]?.text
        nn = node["nn"]?.integer
        eps = node["eps"]?.number
        dipolelayer = node["dipolelayer"]?.text
    }

    fileprivate var text: String {
        GPAWSettings.mapping([
            ("name", name), ("nn", nn?.description), ("eps", eps.map(YAMLScalar.number)),
            ("dipolelayer", dipolelayer),
        ])
    }
}

extension GPAWSettings.KPoints {
    fileprivate var text: String {
        size.map { "[\($0.map(String.init).joined(separator: ", "))]" }
            ?? GPAWSettings.mapping([
                ("density", density.map(YAMLScalar.number)), ("gamma", gamma?.description),
            ])
    }
}

extension GPAWSettings.Parallel {
    fileprivate init(_ node: YAMLNode) {
        domain = node["domain"]?.integer
        band = node["band"]?.integer
        kpt = node["kpt"]?.integer
        augmentGrids = node["augment_grids"]?.boolean
        slAuto = node["sl_auto"]?.boolean
    }

    fileprivate var text: String {
        GPAWSettings.mapping([
            ("domain", domain?.description), ("band", band?.description), ("kpt", kpt?.description),
            ("augment_grids", augmentGrids?.description), ("sl_auto", slAuto?.description),
        ])
    }
}

extension YAMLNode {
    /// Keys and values of a mapping whose keys are data.
    fileprivate func dictionary<Value>(_ value: (YAMLNode) -> Value?) -> [String: Value] {
        Dictionary((entries ?? []).compactMap { entry in value(entry.value).map { (entry.key, $0) } }) { $1 }
    }
}
